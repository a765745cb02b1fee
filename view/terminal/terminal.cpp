#include "terminal.h"

#include <langinfo.h>
#include <unistd.h>

#include <chrono>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>

#include "browser.h"
#include "draw.h"
#include "screen.h"
#include "subject.h"
#include "terminfo.h"

namespace chantrace::view {
namespace {

/// How often a live process is asked for what is new.
constexpr int kPollMs = 100;

/// What is made of the newest scene, beside what is shown meanwhile.
class Newest {
 public:
  Newest(SceneSource& source, std::shared_ptr<const Scene> shown)
      : source_(source), asked_for_(std::move(shown)) {}

  /// Whether something new may come.
  bool is_live() const { return !has_ended_ || pending_.valid(); }

  /// nullptr: nothing new.
  std::shared_ptr<const Subject> take() {
    if (pending_.valid()) {
      if (pending_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return nullptr;
      return pending_.get();
    }
    // Asked first: the last scene comes before that end.
    has_ended_ = !source_.is_live();
    std::shared_ptr<const Scene> newest = source_.current();
    if (newest == asked_for_) return nullptr;
    asked_for_ = newest;
    pending_ = std::async(std::launch::async, [newest = std::move(newest)] {
      return std::shared_ptr<const Subject>(std::make_shared<const Subject>(newest));
    });
    return nullptr;
  }

 private:
  SceneSource& source_;
  std::shared_ptr<const Scene> asked_for_;
  bool has_ended_ = false;
  std::future<std::shared_ptr<const Subject>> pending_;
};

void run(Screen& screen, Browser& browser, Newest* newest, Charset charset) {
  bool is_changed = true;
  browser.resize(screen.rows(), screen.columns());
  while (true) {
    if (newest != nullptr) {
      if (auto subject = newest->take()) {
        browser.renew(std::move(subject));
        is_changed = true;
      }
      if (!newest->is_live()) {
        browser.end_live();
        newest = nullptr;
        is_changed = true;
      }
    }
    if (is_changed) screen.show(draw(browser, charset));
    is_changed = true;
    const Screen::Event event = screen.next(newest != nullptr ? kPollMs : -1);
    switch (event.kind) {
      case Screen::Event::Kind::kKey:
        if (browser.is_too_small()) {
          if (event.key == key_of('q')) return;
        } else if (!browser.handle(event.key)) {
          return;
        }
        break;
      case Screen::Event::Kind::kResized:
        browser.resize(screen.rows(), screen.columns());
        break;
      case Screen::Event::Kind::kNothing:
        is_changed = false;
        break;
      case Screen::Event::Kind::kEnd:
        return;
    }
  }
}

}  // namespace

Charset usable_charset(Charset wanted) {
  std::setlocale(LC_CTYPE, "");
  if (wanted == Charset::kAscii) return wanted;
  const auto is_utf8 = [] { return std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0; };
  // The locale that the environment names may not be installed, or none may be named.
  if (!is_utf8()) std::setlocale(LC_CTYPE, "C.UTF-8");
  return is_utf8() ? Charset::kUtf8 : Charset::kAscii;
}

std::optional<std::string> why_no_terminal() {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
    return std::string(isatty(STDIN_FILENO) == 0 ? "the input" : "the output") +
           " is no terminal; \"chantrace show\" prints a trace anywhere";
  return why_unusable(std::getenv("TERM"));
}

std::optional<std::string> show_in_terminal(SceneSource& source, const TerminalOptions& options) {
  if (auto reason = why_no_terminal()) return reason;
  // Before the screen is taken, so that it can be interrupted as any command.
  const bool is_live = source.is_live();
  const std::shared_ptr<const Scene> scene = source.current();
  Browser browser(std::make_shared<const Subject>(scene), is_live);
  Newest newest(source, scene);

  const std::unique_ptr<Screen> screen = Screen::open(options.is_colored);
  if (screen == nullptr) return "the terminal cannot be used; \"chantrace show\" prints a trace";
  run(*screen, browser, is_live ? &newest : nullptr, options.charset);
  return std::nullopt;
}

}  // namespace chantrace::view
