// An account whose checker expects the wrong sum: it shows when the check comes last.
#include <mutex>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void account(Variant variant) {
  Mutex mutex("account");
  int balance = 1;
  bool was_deposited = false;
  bool was_withdrawn = false;
  const int expected = variant == Variant::kFaulty ? -5 : -1;
  Task check = go("check", [&] {
    const std::scoped_lock lock(mutex);
    if (was_deposited && was_withdrawn) ensure(balance == expected, "the balance");
  });
  Task deposit = go("deposit", [&] {
    const std::scoped_lock lock(mutex);
    balance += 2;
    was_deposited = true;
  });
  Task withdraw = go("withdraw", [&] {
    const std::scoped_lock lock(mutex);
    balance -= 4;
    was_withdrawn = true;
  });
  check.join();
  deposit.join();
  withdraw.join();
}

}  // namespace chantrace::bugs
