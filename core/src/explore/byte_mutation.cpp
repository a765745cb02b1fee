#include <algorithm>
#include <utility>

#include "chantrace/detail/byte_runs.h"
#include "deviation.h"
#include "random.h"

namespace chantrace::detail {
namespace {

constexpr std::uint32_t kGapWhereUnknown = 32;
constexpr std::uint32_t kTasksWhereUnknown = 16;
constexpr std::uint32_t kMoveMax = 4;
constexpr std::size_t kRunMax = 8;
constexpr std::uint32_t kAgainOneOf = 2;

/// Changes deviations in place. What is added or taken out leaves those behind it where they are,
/// as far as gaps can tell.
class Mutator {
 public:
  Mutator(std::vector<Deviation>& deviations, const ByteMutation& mutation, Random& random)
      : deviations_(deviations),
        decisions_(mutation.decisions),
        tasks_(mutation.tasks > 0 ? mutation.tasks : kTasksWhereUnknown),
        random_(random) {}

  void mutate() {
    do {
      if (deviations_.empty()) {
        add();
        continue;
      }
      switch (random_.below(10)) {
        case 0:
        case 1:
        case 2:
          add();
          break;
        case 3:
          remove(random_.below(deviations_.size()));
          break;
        case 4:
        case 5:
          move(random_.below(deviations_.size()));
          break;
        case 6:
        case 7:
          drawn().which = draw_which();
          break;
        case 8:
          pull_together(random_.below(deviations_.size()));
          break;
        case 9:
          random_.below(2) == 0 ? leave_out() : repeat();
          break;
      }
    } while (random_.below(kAgainOneOf) == 0);
  }

 private:
  /// 0 is the clock.
  std::uint32_t draw_which() { return random_.below(tasks_ + 1); }
  Deviation& drawn() { return deviations_[random_.below(deviations_.size())]; }

  /// At a decision of the execution, each as likely as the others.
  void add() {
    std::uint64_t place = random_.below(
        std::max<std::uint64_t>(1, decisions_ > 0 ? decisions_ : length() + kGapWhereUnknown));
    auto next = deviations_.begin();
    for (; next != deviations_.end() && next->gap < place; ++next) place -= next->gap + 1;
    const Deviation added{.gap = static_cast<std::uint32_t>(place), .which = draw_which()};
    if (next != deviations_.end()) next->gap -= std::min(next->gap, added.gap + 1);
    deviations_.insert(next, added);
  }
  void remove(std::size_t i) {
    if (i + 1 < deviations_.size()) deviations_[i + 1].gap += deviations_[i].gap + 1;
    deviations_.erase(deviations_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  void move(std::size_t i) {
    const std::uint32_t by = 1 + random_.below(kMoveMax);
    const bool is_later = random_.below(2) == 0;
    shift(i, is_later ? by : -std::min(by, deviations_[i].gap));
  }
  /// To right behind the one before.
  void pull_together(std::size_t i) { shift(i, -deviations_[i].gap); }
  /// Modulo 2^32; those behind stay where they are half the time.
  void shift(std::size_t i, std::uint32_t by) {
    deviations_[i].gap += by;
    if (i + 1 == deviations_.size() || random_.below(2) == 0) return;
    std::uint32_t& next = deviations_[i + 1].gap;
    next = by <= next || by > 0x8000'0000 ? next - by : 0;
  }
  void leave_out() {
    const std::size_t first = random_.below(deviations_.size());
    const std::size_t count = 1 + random_.below(std::min(kRunMax, deviations_.size() - first));
    const auto begin = deviations_.begin() + static_cast<std::ptrdiff_t>(first);
    deviations_.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  void repeat() {
    const std::size_t first = random_.below(deviations_.size());
    const std::size_t count = 1 + random_.below(std::min(kRunMax, deviations_.size() - first));
    const std::vector<Deviation> copied(
        deviations_.begin() + static_cast<std::ptrdiff_t>(first),
        deviations_.begin() + static_cast<std::ptrdiff_t>(first + count));
    deviations_.insert(
        deviations_.begin() + static_cast<std::ptrdiff_t>(random_.below(deviations_.size() + 1)),
        copied.begin(), copied.end());
  }
  std::uint64_t length() const {
    std::uint64_t length = 0;
    for (const Deviation& deviation : deviations_) length += deviation.gap + 1;
    return length;
  }

  std::vector<Deviation>& deviations_;
  const std::uint64_t decisions_;
  const std::uint32_t tasks_;
  Random& random_;
};

}  // namespace

void mutate_bytes(std::vector<std::uint8_t>& bytes, const ByteMutation& mutation) {
  std::vector<Deviation> deviations = to_deviations(bytes);
  Random random(mutation.seed);
  Mutator(deviations, mutation, random).mutate();
  bytes.clear();
  for (const Deviation& deviation : deviations) append_bytes(bytes, deviation);
  if (bytes.size() > mutation.size_max) bytes.resize(mutation.size_max);
}

}  // namespace chantrace::detail
