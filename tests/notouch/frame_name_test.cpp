#include "frame_name.h"

#include <gtest/gtest.h>

#include <utility>

namespace chantrace::notouch {
namespace {

TEST(FrameNameTest, HasNoArgumentsAndNoReturnType) {
  const std::pair<const char*, const char*> names[] = {
      {"main", "main"},
      {"take(int*, Foo<int, char> const&)", "take"},
      {"void Pool::run<int>(int*, void (*)(int)) const [clone .cold]", "Pool::run<int>"},
      {"(anonymous namespace)::take_both(int)", "(anonymous namespace)::take_both"},
      {"main::{lambda(int, char)#2}::operator()(int, char) const",
       "main::{lambda(int, char)#2}::operator()"},
      {"run()::{lambda()#1}::operator()() const::{lambda()#3}::operator()() const",
       "run()::{lambda()#1}::operator()() const::{lambda()#3}::operator()"},
      {"std::map<int, std::pair<int, char> > make<3ul>(int)", "make<3ul>"},
      {"bool operator< <int>(Box<int> const&, Box<int> const&)", "operator< <int>"},
      {"Box::operator int() const", "Box::operator int"},
      {"Box::operator->() &&", "Box::operator->"},
      {"operator_of(int)", "operator_of"},
      {"pthread_mutex_lock@GLIBC_2.2.5", "pthread_mutex_lock"},
      {"__clone3", "__clone3"},
      {"", ""},
      {"(", "("},
      {")", ")"},
      {"f(", "f("},
      {">>>", ">>>"},
      {"] const", "]"},
  };
  for (const auto& [demangled, plain] : names) EXPECT_EQ(plain_name(demangled), plain);
}

TEST(FrameNameTest, OfAThreadIsWhatItRuns) {
  EXPECT_EQ(thread_body_name("std::thread::_State_impl<std::thread::_Invoker<std::tuple<"
                             "main::{lambda()#1}> > >::_M_run"),
            "main::{lambda()#1}");
  EXPECT_EQ(thread_body_name("std::thread::_State_impl<std::thread::_Invoker<std::tuple<"
                             "void (*)(Box<int>), Box<int> > > >::_M_run"),
            "void (*)(Box<int>), Box<int>");
  EXPECT_EQ(thread_body_name("std::thread::_State_impl<std::tuple<"),
            "std::thread::_State_impl<std::tuple<");
  EXPECT_EQ(thread_body_name("main"), "main");
}

TEST(FrameNameTest, SystemLibrariesAreNotTheProgram) {
  EXPECT_TRUE(is_system_module("/lib/x86_64-linux-gnu/libc.so.6"));
  EXPECT_TRUE(is_system_module("/usr/lib/libstdc++.so.6.0.30"));
  EXPECT_TRUE(is_system_module("/lib64/ld-linux-x86-64.so.2"));
  EXPECT_TRUE(is_system_module("/usr/lib/libchantrace-notouch.so"));
  EXPECT_FALSE(is_system_module("/usr/bin/server"));
  EXPECT_FALSE(is_system_module("/usr/lib/libcrypto.so.3"));
  EXPECT_TRUE(is_system_function("std::mutex::lock"));
  EXPECT_TRUE(is_system_function("pthread_mutex_lock"));
  EXPECT_FALSE(is_system_function("Pool::run"));
  EXPECT_TRUE(is_system_header("/usr/include/c++/12/bits/std_mutex.h"));
  EXPECT_FALSE(is_system_header("/usr/include/boost/asio.hpp"));
  EXPECT_FALSE(is_system_header("/home/user/bits/pool.h"));
}

std::vector<Frame> stack(std::initializer_list<const char*> names) {
  std::vector<Frame> frames;
  for (const char* const name : names) frames.push_back({name, "", is_system_function(name), true});
  return frames;
}

TEST(FrameNameTest, TellWhatAFutexIsFor) {
  EXPECT_EQ(wait_of(Wait::kFutex, stack({"__futex_wait", "pthread_cond_wait", "run"})),
            Wait::kCondition);
  EXPECT_EQ(wait_of(Wait::kLock, stack({"__lll_lock_wait", "pthread_mutex_lock", "run"})),
            Wait::kLock);
  EXPECT_EQ(wait_of(Wait::kFutex, stack({"std::counting_semaphore<1l>::acquire", "run"})),
            Wait::kSemaphore);
  EXPECT_EQ(wait_of(Wait::kLock, stack({"__lll_lock_wait", "pthread_cond_wait", "run"})),
            Wait::kLock);
  // What the program calls its functions means nothing.
  EXPECT_EQ(wait_of(Wait::kFutex, stack({"my_pthread_mutex_lock"})), Wait::kFutex);
  EXPECT_EQ(wait_of(Wait::kSleep, stack({"pthread_mutex_lock"})), Wait::kSleep);
}

TEST(FrameNameTest, ProgramFramesFallBackToWhatAThreadRuns) {
  const char* const body =
      "std::thread::_State_impl<std::thread::_Invoker<std::tuple<main::{lambda()#1}> > >::_M_run";
  auto frames = stack({"pthread_mutex_lock", "std::mutex::lock", body, "start_thread"});
  EXPECT_EQ(program_frames(frames).at(0)->function, body);
  frames.insert(frames.begin() + 2, Frame{"run", "", false, true});
  ASSERT_EQ(program_frames(frames).size(), 1u);
  EXPECT_EQ(program_frames(frames).at(0)->function, "run");
  EXPECT_TRUE(program_frames({}).empty());
}

}  // namespace
}  // namespace chantrace::notouch
