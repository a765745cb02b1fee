// The sink "tui": the program shows itself in its own terminal.

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "chantrace/detail/foreign_threads.h"
#include "chantrace/session.h"
#include "live_snapshot.h"
#include "model/naming.h"
#include "model/quantity.h"
#include "terminal/polled_scenes.h"
#include "terminal/terminal.h"

namespace chantrace::view {
namespace {

constexpr std::chrono::milliseconds kPeriod{250};

std::shared_ptr<const Scene> make_scene(Charset charset) {
  LiveSnapshot snapshot = take_snapshot(kLiveEvents);
  make_brief(snapshot.trace, charset);
  Scene scene;
  scene.title = title_of(snapshot.trace, "live");
  scene.notice = "live, " + grouped(snapshot.live.events) + " events so far";
  scene.findings = std::move(snapshot.findings);
  scene.trace = std::move(snapshot.trace);
  return std::make_shared<const Scene>(std::move(scene));
}

/// The screen belongs to it until the user quits; the program goes on meanwhile and behind that.
class LiveTerminal {
 public:
  explicit LiveTerminal(Charset charset)
      : charset_(charset),
        scenes_(
            make_scene(charset),
            [this]() -> std::shared_ptr<const Scene> {
              const std::uint64_t version = state_version();
              if (version == shown_) return nullptr;
              shown_ = version;
              return make_scene(charset_);
            },
            kPeriod, detail::start_known_thread),
        thread_(detail::start_known_thread([this] { show(); })) {}

  /// Nothing more will happen; what there is stays until the user quits.
  void finish() { scenes_.finish(); }
  void wait_for_user() {
    // A child that was forked has no such thread.
    if (thread_.joinable() && getpid() == process_) thread_.join();
  }

 private:
  void show() {
    const auto reason = show_in_terminal(scenes_, {charset_, std::getenv("NO_COLOR") == nullptr});
    if (reason) std::fprintf(stderr, "chantrace: %s. The program goes on.\n", reason->c_str());
  }

  const Charset charset_;
  const pid_t process_ = getpid();
  std::uint64_t shown_ = 0;
  PolledScenes scenes_;
  std::thread thread_;
};

/// The one that there is: a process has one terminal. Never destroyed: it may be looked at until
/// the process ends.
LiveTerminal* live_terminal = nullptr;

class TuiSink final : public Sink {
 public:
  void handle(const Event&) override {}
  void close() override { live_terminal->finish(); }
};
std::shared_ptr<Sink> make_tui_sink(const std::string&) {
  if (const auto reason = why_no_terminal()) {
    std::fprintf(stderr, "chantrace: %s. The log stream takes its place.\n", reason->c_str());
    return make_log_sink();
  }
  if (live_terminal != nullptr) {
    std::fprintf(
        stderr,
        "chantrace: the terminal has shown another session. The log stream takes its place.\n");
    return make_log_sink();
  }
  live_terminal = new LiveTerminal(usable_charset(Charset::kUtf8));
  // What happened last is what matters most.
  std::atexit([] { live_terminal->wait_for_user(); });
  return std::make_shared<TuiSink>();
}

[[maybe_unused]] const bool is_registered = [] {
  register_sink_factory("tui", make_tui_sink);
  return true;
}();

}  // namespace
}  // namespace chantrace::view

extern "C" const int chantrace_tui_is_linked = 1;
