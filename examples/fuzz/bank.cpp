/// \file
/// A fuzz target: transfers between two accounts, each under the locks of both. An engine, or a
/// corpus of one, decides how the tasks interleave.
#include "chantrace/fuzz_target.h"

#include <mutex>
#include <stdexcept>

#include "chantrace/chantrace.h"

namespace {

struct Account {
  chantrace::Mutex mutex;
  int balance = 100;
};

void transfer(Account& from, Account& to, int amount) {
  const std::scoped_lock lock(from.mutex, to.mutex);
  if (from.balance < amount) return;
  from.balance -= amount;
  to.balance += amount;
}

}  // namespace

CHANTRACE_FUZZ_TARGET(Bank, KeepsItsMoney, .run = {.steps_max = 10'000}) {
  Account giro;
  Account savings;
  const chantrace::Task deposit = chantrace::go("deposit", [&] { transfer(giro, savings, 80); });
  const chantrace::Task payment = chantrace::go("payment", [&] { transfer(savings, giro, 120); });
  deposit.join();
  payment.join();

  if (giro.balance + savings.balance != 200) throw std::logic_error("money was made, or lost");
}
