// A program that uses nothing of this library: threads of the standard library only. The probe is
// loaded into it. Its first argument says what its threads do; it ends when its standard input
// does.
//
//   ring         20 threads have a mutex each and want their neighbour's
//   pool         20 threads wait for work
//   contended    20 threads take turns with one mutex
//   busy         one of 20 threads works with a mutex in its hands, the others wait for it
//   fork         a child process ends by itself, then as `pool`
//   closed       closes its standard error and opens a file instead, then as `ring`
//   blocked      blocks all signals, then as `ring`
//   stdio        a thread waits for the standard input, which the first one reads
//   main-ended   the first thread ends, the others wait for work; it never ends
//   elsewhere    goes to another folder, then as `pool`
//   lost-wakeup  every thread waits for a condition or for another thread; it never ends
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <string_view>
#include <thread>

namespace {

constexpr int kThreads = 20;
std::array<std::mutex, kThreads> forks;
std::latch all_have_one(kThreads);
std::mutex queue_mutex;
// Never destroyed: threads wait for it until the end.
std::condition_variable& has_work = *new std::condition_variable;
std::atomic<int> turns = 0;
bool is_closed = false;

[[gnu::noinline]] void take_both(int seat) {
  const std::lock_guard mine(forks[static_cast<std::size_t>(seat)]);
  all_have_one.arrive_and_wait();
  const std::lock_guard neighbours(forks[static_cast<std::size_t>((seat + 1) % kThreads)]);
  std::puts("unreachable");
}

[[gnu::noinline]] void wait_for_work(int) {
  std::unique_lock lock(queue_mutex);
  has_work.wait(lock, [] { return is_closed; });
}

[[gnu::noinline]] void take_turns(int) {
  for (;;) {
    const std::lock_guard lock(queue_mutex);
    turns.fetch_add(1);
  }
}

[[gnu::noinline]] void work_alone(int) {
  const std::lock_guard lock(queue_mutex);
  for (;;) turns.fetch_add(1);
}

// Among the names of types, this one is `float`.
extern "C" [[gnu::noinline]] void f(int) {
  flockfile(stdin);
  std::puts("unreachable");
}

template <typename Body>
void start(Body body) {
  for (int i = 0; i < kThreads; ++i) std::thread(body, i).detach();
}

void fork_once() {
  const pid_t child = fork();
  if (child == 0) std::exit(7);
  int status = 0;
  waitpid(child, &status, 0);
  std::printf("child ended with %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

void close_standard_error(const char* path) {
  close(STDERR_FILENO);
  const int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::printf("opened %d\n", descriptor);
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view mode(count > 1 ? arguments[1] : "");
  if (mode == "fork") fork_once();
  if (mode == "closed" && count > 2) close_standard_error(arguments[2]);
  if (mode == "blocked") block_signals();
  if (mode == "stdio") flockfile(stdin);
  if (mode == "elsewhere" && chdir("/") != 0) return 1;
  if (mode == "pool" || mode == "fork" || mode == "lost-wakeup" || mode == "main-ended" ||
      mode == "elsewhere")
    start(wait_for_work);
  else if (mode == "contended")
    start(take_turns);
  else if (mode == "busy")
    start(work_alone);
  else if (mode == "stdio")
    std::thread(f, 0).detach();
  else
    start(take_both);
  std::puts("started");
  std::fflush(stdout);
  if (mode == "main-ended") pthread_exit(nullptr);
  if (mode == "lost-wakeup") std::thread(wait_for_work, 0).join();
  while (std::getchar() != EOF) {
  }
  return 0;
}
