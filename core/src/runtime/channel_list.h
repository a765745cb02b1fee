/// \file
/// All channels that exist, and the two ways in which a channel's state moves on.
#pragma once

#include <cstdint>

#include "chantrace/detail/channel_state.h"

namespace chantrace::detail {

void add_to_channel_list(ChannelState& channel);
void remove_from_channel_list(ChannelState& channel);
/// Around a fork: nobody else changes it.
void lock_channel_list();
void unlock_channel_list();

/// What came of trying an operation without waiting.
struct Attempt {
  bool is_done = false;  ///< Otherwise it would have to wait, and nothing was changed.
  Outcome outcome = Outcome::kOk;
  std::uint32_t sequence = 0;
  std::uint16_t detail = 0;
  Waiter* woken = nullptr;  ///< To be unparked when the latch is free.
};

Attempt try_send_locked(ChannelState& channel, void* value) CHANTRACE_REQUIRES(channel.latch);
/// kOk: an element was made in `slot`.
Attempt try_receive_locked(ChannelState& channel, void* slot) CHANTRACE_REQUIRES(channel.latch);

[[noreturn]] void throw_send_on_closed(TaskControl& self, const ChannelState& channel,
                                       const Location& site);

}  // namespace chantrace::detail
