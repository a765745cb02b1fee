/// \file
/// Tests that leave something behind, each beside its sound twin. Their assertions all hold; the
/// listener fails the faulty ones.
#include <gtest/gtest.h>

#include <mutex>
#include <string>

#include "chantrace/chantrace.h"

using chantrace::Channel;
using chantrace::Mutex;
using chantrace::Task;
using chantrace::WaitGroup;

TEST(Mailbox, IsReadToTheEnd) {
  const Channel<std::string> mail("mail");
  const Task writer = chantrace::go("writer", [=] { mail.send("hello"); });

  EXPECT_EQ(mail.recv(), "hello");
  writer.join();
}

// The writer sends twice, and nobody receives the second time.
TEST(Mailbox, LosesItsReader) {
  const Channel<std::string> mail("mail");
  chantrace::go("writer", [=] {
    mail.send("hello");
    mail.send("are you there?");
  });

  EXPECT_EQ(mail.recv(), "hello");
}

TEST(Worker, StopsWhenThereAreNoMoreJobs) {
  const Channel<int> jobs("jobs", 3);
  const Task worker = chantrace::go("worker", [=] {
    for ([[maybe_unused]] const int job : jobs)
      ;
  });

  for (int job = 1; job <= 3; ++job) EXPECT_TRUE(jobs.try_send(job));
  jobs.close();
  worker.join();
}

// Nobody closes the channel, so the worker waits for a fourth job.
TEST(Worker, IsNeverToldToStop) {
  const Channel<int> jobs("jobs", 3);
  chantrace::go("worker", [=] {
    for ([[maybe_unused]] const int job : jobs)
      ;
  });

  for (int job = 1; job <= 3; ++job) EXPECT_TRUE(jobs.try_send(job));
}

TEST(Transfer, TakesBothLocksAtOnce) {
  Mutex alice("alice"), bob("bob");
  const Task there =
      chantrace::go("alice-to-bob", [&] { const std::scoped_lock both(alice, bob); });
  const Task back = chantrace::go("bob-to-alice", [&] { const std::scoped_lock both(bob, alice); });

  there.join();
  back.join();
}

// Each holds one account and waits for the other's.
TEST(Transfer, InOppositeOrders) {
  Mutex alice("alice"), bob("bob");
  WaitGroup both_hold_one("both hold one", 2);  // So that it goes wrong every time.
  const auto transfer = [&](Mutex& from, Mutex& to) {
    const std::scoped_lock take_from(from);
    both_hold_one.done();
    both_hold_one.wait();
    const std::scoped_lock take_to(to);
  };
  const Task there = chantrace::go("alice-to-bob", [&] { transfer(alice, bob); });
  const Task back = chantrace::go("bob-to-alice", [&] { transfer(bob, alice); });

  there.join();
  back.join();
}
