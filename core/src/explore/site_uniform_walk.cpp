#include "site_uniform_walk.h"

#include <algorithm>

namespace chantrace::detail {
namespace {

bool is_same_place(const Runnable& left, const Runnable& right) {
  if (left.operation != right.operation || left.site == nullptr || right.site == nullptr)
    return left.task == right.task;
  return left.site->line == right.site->line && left.site->file == right.site->file;
}

}  // namespace

std::size_t SiteUniformWalk::pick(std::span<const Runnable> runnable, std::size_t) {
  places_.clear();
  for (const Runnable& one : runnable) {
    const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
      return is_same_place(*place.first, one);
    });
    if (found != places_.end())
      ++found->tasks;
    else
      places_.push_back({&one, 1});
  }
  const Place& place = places_[random_.below(places_.size())];
  std::uint32_t rank = random_.below(place.tasks);
  for (std::size_t i = 0;; ++i)
    if (is_same_place(*place.first, runnable[i]) && rank-- == 0) return i;
}

}  // namespace chantrace::detail
