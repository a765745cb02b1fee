#include "channel_list.h"

#include <string>
#include <vector>

#include "chantrace/inspect.h"
#include "runtime.h"

namespace chantrace {
namespace detail {
namespace {

struct ChannelList {
  OsMutex mutex;
  ChannelState* first CHANTRACE_GUARDED_BY(mutex) = nullptr;
};

ChannelList& channel_list() {
  // Never destroyed: static channels may outlive it otherwise.
  static ChannelList& list = *new ChannelList;
  return list;
}

}  // namespace

void add_to_channel_list(ChannelState& channel) {
  ChannelList& list = channel_list();
  const ScopedLock lock(list.mutex);
  channel.next_channel = list.first;
  if (list.first != nullptr) list.first->previous_channel = &channel;
  list.first = &channel;
}

void remove_from_channel_list(ChannelState& channel) {
  ChannelList& list = channel_list();
  const ScopedLock lock(list.mutex);
  if (channel.previous_channel != nullptr)
    channel.previous_channel->next_channel = channel.next_channel;
  else if (list.first == &channel)  // Else it never came to be in the list.
    list.first = channel.next_channel;
  if (channel.next_channel != nullptr)
    channel.next_channel->previous_channel = channel.previous_channel;
}

void lock_channel_list() CHANTRACE_NO_THREAD_SAFETY_ANALYSIS { channel_list().mutex.lock(); }
void unlock_channel_list() CHANTRACE_NO_THREAD_SAFETY_ANALYSIS { channel_list().mutex.unlock(); }

}  // namespace detail

std::vector<ChannelInfo> channels() {
  std::vector<ChannelInfo> infos;
  detail::ChannelList& list = detail::channel_list();
  const detail::ScopedLock lock(list.mutex);
  for (detail::ChannelState* channel = list.first; channel != nullptr;
       channel = channel->next_channel) {
    const detail::ScopedLock latch(channel->latch);
    infos.push_back({std::string(channel->given_name.view()), std::string(channel->type.name),
                     channel->capacity, channel->count, channel->is_closed,
                     to_site(channel->created)});
  }
  return infos;
}

}  // namespace chantrace
