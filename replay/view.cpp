#include "view.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "input.h"
#include "model/quantity.h"
#include "trace/stored_trace.h"
#include "verdict.h"
#include "web/document.h"
#include "web/http.h"
#include "web/long_pages.h"

namespace chantrace::replay {

using view::grouped;

namespace {

/// Events that a page can hold and stay quick.
constexpr std::uint64_t kPageEventsMax = 500'000;

/// That a reader takes from one chunk.
constexpr std::uint64_t kChunkEventsMax = 1 << 20;

struct ViewOptions {
  std::vector<std::string> inputs;
  std::string html;
  std::uint16_t port = 4884;
};

struct PageError {
  std::string text;
  ExitCode code;
  bool is_too_long = false;
};

/// The page of one trace. `warn` is called with what is wrong with the trace.
Result<std::string, PageError> page_of(const std::filesystem::path& path,
                                       const std::function<void(const std::string&)>& warn) {
  // What a page cannot hold is not read, but for the rest of the chunk that is too much.
  auto trace = load_trace(path, {.events_max = kPageEventsMax + kChunkEventsMax});
  if (!trace.has_value()) return PageError{in_words(trace.error()), ExitCode::kUnreadable};
  if (trace.value().events_count() > kPageEventsMax)
    return PageError{fmt::format("{}: a page by itself holds {} events, and this trace has more; "
                                 "without --html it is shown in parts",
                                 printable(path.string()), grouped(kPageEventsMax)),
                     ExitCode::kUsage, true};
  for (const std::string& warning : trace.value().warnings)
    warn(printable(path.string() + ": " + warning));
  make_printable(trace.value(), Charset::kUtf8);
  view::shorten_names(trace.value(), Charset::kUtf8);
  return view::to_page(trace.value(), findings_of(trace.value()), printable(path.stem().string()));
}

ExitCode write_page(const ViewOptions& options, const std::filesystem::path& input,
                    Context& context) {
  std::error_code ignored;
  if (std::filesystem::equivalent(input, options.html, ignored)) {
    context.complain("--html is the trace itself; it would be lost");
    return ExitCode::kUsage;
  }
  const auto page = page_of(input, [&](const std::string& text) { context.complain(text); });
  if (!page.has_value()) {
    context.complain(page.error().text);
    return page.error().code;
  }
  const std::string error = write_file(options.html, [&](Output& out) { out.write(page.value()); });
  if (error.empty()) return ExitCode::kClean;
  context.complain(printable(options.html + ": cannot write it: " + error));
  return ExitCode::kUnreadable;
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '<')
      safe += "&lt;";
    else if (c == '&')
      safe += "&amp;";
    else
      safe += c;
  }
  return safe;
}

constexpr std::string_view kListHead = R"(<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>chantrace</title><style>
:root { color-scheme: light dark; font: 14px system-ui, sans-serif; }
td { padding: 2px 16px 2px 0; } .failed { font-weight: bold; }
</style><table>
)";

/// "/" is the only trace, or a list of those there are; "/2" the second of them. What the page of a
/// long one asks for is below "/2/STAMP/": the stamp says of which file it was made.
class Pages {
 public:
  explicit Pages(std::vector<std::filesystem::path> traces) : traces_(std::move(traces)) {}

  /// Reads what will be asked for first, so that it is there when somebody asks.
  void prepare() {
    const std::lock_guard lock(mutex_);
    if (traces_.size() == 1 && is_long(detail::StoredTrace::open(traces_[0]))) open_long(0);
  }

  view::Response operator()(const view::Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.path == "/") return traces_.size() == 1 ? page(0) : list();
    std::string_view rest = request.path;
    const std::string_view root = next_name(rest);
    const auto number = view::parse_number(next_name(rest));
    if (!root.empty() || !number || *number < 1 || *number > traces_.size()) return no_page();
    const auto index = static_cast<std::size_t>(*number - 1);
    if (rest.empty()) return page(index);
    const std::string_view stamp = next_name(rest);
    if (!view::LongPages::answers(rest)) return no_page();
    if (!long_ || long_->index != index || long_->stamp != stamp) {
      // Another trace was looked at meanwhile, or this one is another.
      if (stamp_of(index) != stamp)
        return view::refuse(404, "the trace has changed; load the page again");
      if (const auto error = open_long(index)) return view::refuse(404, in_words(*error));
    }
    return long_->pages.respond(rest, request);
  }

 private:
  /// The one that was opened last; others are opened again when they are asked for.
  struct Long {
    std::size_t index = 0;
    std::string stamp;
    view::LongPages pages;
  };

  /// Up to the next slash, which is taken away with it.
  static std::string_view next_name(std::string_view& rest) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    return name;
  }

  static view::Response no_page() { return view::refuse(404, "there is no such page"); }

  static bool is_long(const Result<detail::StoredTrace, TraceError>& stored) {
    return stored.has_value() && stored.value().events_count() > kPageEventsMax;
  }

  /// What a file is: a test that runs again leaves another trace.
  std::string stamp_of(std::size_t index) const {
    std::error_code ignored;
    const auto written = std::filesystem::last_write_time(traces_[index], ignored);
    return fmt::format("{:x}-{:x}", std::filesystem::file_size(traces_[index], ignored),
                       static_cast<std::uint64_t>(written.time_since_epoch().count()));
  }

  /// nullopt, or why it cannot be shown in parts.
  std::optional<TraceError> open_long(std::size_t index) {
    const std::string stamp = stamp_of(index);
    if (long_ && long_->index == index && long_->stamp == stamp) return std::nullopt;
    long_.reset();  // Two would take twice the memory.
    auto opened = view::LongTrace::open(traces_[index]);
    if (!opened.has_value()) return opened.error();
    long_.emplace(
        Long{index, stamp,
             view::LongPages(std::move(opened).value(), printable(traces_[index].stem().string()),
                             fmt::format("{}/{}/", index + 1, stamp))});
    return std::nullopt;
  }

  view::Response page(std::size_t index) {
    const auto stored = detail::StoredTrace::open(traces_[index]);
    if (is_long(stored)) {
      const auto error = open_long(index);
      return error ? view::refuse(404, in_words(*error)) : long_->pages.page();
    }
    auto page = page_of(traces_[index], [](const std::string&) {});
    if (page.has_value())
      return {.type = "text/html; charset=utf-8",
              .body = std::make_shared<std::string>(std::move(page).value())};
    // What is too long has to be sound.
    if (page.error().is_too_long && !stored.has_value())
      return view::refuse(404, in_words(stored.error()));
    return view::refuse(404, page.error().text);
  }

  view::Response list() const {
    std::string html = std::string(kListHead);
    for (std::size_t i = 0; i < traces_.size(); ++i)
      html += fmt::format("<tr><td><a href=\"/{}\">{}</a></td>{}</tr>\n", i + 1,
                          escaped(printable(traces_[i].string())), summary_of(traces_[i]));
    return {.type = "text/html; charset=utf-8",
            .body = std::make_shared<std::string>(html + "</table></html>")};
  }

  /// How it ended, and how many events it has, as cells of the list: a look at the file is enough.
  static std::string summary_of(const std::filesystem::path& path) {
    const auto stored = detail::StoredTrace::open(path);
    if (!stored.has_value()) return "<td></td><td></td>";
    const auto& end = stored.value().definitions().end;
    const char* const verdict = !end ? "incomplete" : end->passed ? "passed" : "failed";
    return fmt::format("<td class=\"{0}\">{0}</td><td>{1} events</td>", verdict,
                       grouped(stored.value().events_count()));
  }

  const std::vector<std::filesystem::path> traces_;
  std::mutex mutex_;
  std::optional<Long> long_;
};

/// Until somebody interrupts.
ExitCode serve(const ViewOptions& options, std::vector<std::filesystem::path> traces,
               Context& context) {
  // Blocked in all threads, which begin behind this, so that they can be waited for.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto pages = std::make_shared<Pages>(std::move(traces));
  const auto server =
      view::Server::start({.address = {.port = options.port}},
                          [pages](const view::Request& request) { return (*pages)(request); });
  if (!server.has_value()) {
    context.complain(server.error());
    return ExitCode::kUnreadable;
  }
  context.out.write(server.value()->address() + "\n");
  context.out.flush();
  std::thread([pages] {
    try {
      pages->prepare();
    } catch (const std::exception&) {
      // Whoever asks is told.
    }
  }).detach();
  int signal = 0;
  sigwait(&signals, &signal);
  // A page that is being made may take its time, and nobody waits for it any more.
  std::_Exit(static_cast<int>(ExitCode::kClean));
}

ExitCode run_view(const ViewOptions& options, Context& context) {
  Inputs inputs = find_traces(options.inputs);
  for (const TraceError& error : inputs.errors) context.complain(in_words(error));
  if (!inputs.errors.empty()) return ExitCode::kUnreadable;
  if (inputs.traces.empty()) {
    context.complain("there is no trace to view");
    return ExitCode::kUnreadable;
  }
  if (options.html.empty()) return serve(options, std::move(inputs.traces), context);
  if (inputs.traces.size() > 1) {
    context.complain(
        fmt::format("--html writes one page, and there are {} traces", inputs.traces.size()));
    return ExitCode::kUsage;
  }
  return write_page(options, inputs.traces.front(), context);
}

}  // namespace

void add_view(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "view",
      "shows traces in a browser\n\n"
      "Serves them on this machine alone, and prints the address to open; an interrupt ends that. "
      "With --html it writes one page that needs no server and no other file. A lane for each "
      "task, "
      "forward and back step by step, what is in each channel and who holds which lock, what led "
      "to "
      "what, and the findings. \"?\" in the page lists its keys; its address keeps what is "
      "selected.");
  const auto options = std::make_shared<ViewOptions>();
  add_inputs(command, options->inputs);
  CLI::Option* const html =
      command.add_option("--html", options->html, "Write the page to this file, and serve nothing")
          ->type_name("FILE")
          ->check(CLI::Validator(
              [](std::string& file) {
                return file.empty() || file == "-" ? std::string("is no name of a file")
                                                   : std::string();
              },
              ""));
  command.add_option("--port", options->port, "Where to serve, on 127.0.0.1; 0: any that is free")
      ->type_name("N")
      ->capture_default_str()
      ->excludes(html);
  set_examples(command, {{"In a browser:", "chantrace view traces"},
                         {"A page to pass on:",
                          "chantrace view traces/Pool.ShutsDown.chantrace --html pool.html"}});
  command.callback([options, &context] { context.exit_code = run_view(*options, context); });
}

}  // namespace chantrace::replay
