// Which threads of the process the library knows. Asked only when all known tasks wait: the answer
// decides whether a verdict is certain.
#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <semaphore>
#include <unordered_set>
#include <utility>

#include "runtime.h"
#include "threads_executor.h"

#if defined(__SANITIZE_THREAD__)
#define CHANTRACE_HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHANTRACE_HAS_TSAN 1
#endif
#endif

namespace chantrace::detail {
namespace {

#if defined(CHANTRACE_HAS_TSAN)
// ThreadSanitizer runs one thread of its own.
constexpr std::uint32_t kSanitizerThreads = 1;
#else
constexpr std::uint32_t kSanitizerThreads = 0;
#endif

/// Threads that were tasks or are the library's own. A task's thread stays listed by the kernel for
/// a moment after its end, so its id is kept until it is gone.
struct KnownThreads {
  std::mutex mutex;
  std::unordered_set<std::uint64_t> ids;
};

KnownThreads& known_threads() {
  // Never destroyed: threads may end after static objects are gone.
  static KnownThreads& known = *new KnownThreads;
  return known;
}

/// A new thread takes no signal that is meant for the program.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGRTMAX - 1);  // The watchdog's question for a call stack.
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

std::uint64_t os_thread_id() { return static_cast<std::uint64_t>(syscall(SYS_gettid)); }

void note_known_thread() {
  KnownThreads& known = known_threads();
  const std::lock_guard lock(known.mutex);
  known.ids.insert(os_thread_id());
}

void lock_known_threads() { known_threads().mutex.lock(); }
void unlock_known_threads() { known_threads().mutex.unlock(); }

std::thread start_known_thread(std::function<void()> run) {
  const SignalsBlocked blocked;
  std::binary_semaphore is_known(0);
  std::thread thread([run = std::move(run), &is_known] {
    note_known_thread();
    is_known.release();
    run();
  });
  is_known.acquire();
  return thread;
}

std::uint32_t count_foreign_threads() {
  DIR* const folder = opendir("/proc/self/task");
  if (folder == nullptr) return 0;
  KnownThreads& known = known_threads();
  const std::lock_guard lock(known.mutex);
  std::unordered_set<std::uint64_t> present;
  std::uint32_t foreign = 0;
  while (const dirent* const entry = readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    const std::uint64_t id = std::strtoull(entry->d_name, nullptr, 10);
    if (known.ids.contains(id))
      present.insert(id);
    else
      ++foreign;
  }
  closedir(folder);
  known.ids = std::move(present);
  return foreign > kSanitizerThreads ? foreign - kSanitizerThreads : 0;
}

}  // namespace chantrace::detail
