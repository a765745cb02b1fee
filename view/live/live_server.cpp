#include "live_server.h"

#include <unistd.h>
#include <charconv>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "chantrace/detail/foreign_threads.h"
#include "chantrace/inspect.h"
#include "chantrace/no_touch.h"
#include "chantrace/session.h"
#include "debug_json.h"
#include "web/document.h"

namespace chantrace::view {
namespace {

constexpr std::string_view kDebug = "/debug/chantrace/";
/// Events that one answer holds.
constexpr std::size_t kEventsDefault = 100;
/// Events that a stream sends at a time: what each of its clients takes of memory.
constexpr std::size_t kStreamBatch = 256;
constexpr std::chrono::milliseconds kNoticePeriod{250};
constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";

constexpr std::string_view kIndex =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>chantrace</title>"
    "<h1>chantrace</h1><ul>"
    "<li><a href=\"/\">view</a>: the last events, as a timeline</li>"
    "<li><a href=\"report\">report</a>: a summary</li>"
    "<li><a href=\"analysis\">analysis</a>: who is blocked, who leaked, and why</li>"
    "<li><a href=\"tasks\">tasks</a>: all tasks, what they wait for, and who holds what</li>"
    "<li><a href=\"channels\">channels</a>: all channels, and what is in them</li>"
    "<li><a href=\"events?n=100\">events</a>: the last ones; ?after=N&amp;n=M goes on behind N</li>"
    "<li><a href=\"stream\">stream</a>: events as they come (server-sent events)</li>"
    "<li><a href=\"notouch\">notouch</a>: what the no-touch probe has seen</li>"
    "<li><a href=\"trace\">trace</a>: the last events as a trace, for the command</li>"
    "<li><a href=\"metrics\">metrics</a>: for Prometheus</li>"
    "</ul></html>";

Response answer(std::string body, std::string_view type = kJson, unsigned status = 200) {
  return {.status = status,
          .type = std::string(type),
          .body = std::make_shared<std::string>(std::move(body)),
          .more = {}};
}

Response refuse(unsigned status, const std::string& why) {
  return answer(why + "\n", "text/plain; charset=utf-8", status);
}

/// nullopt: what stands there is no number.
std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The parameter `name`, or `fallback` where there is none; nullopt: it is no number.
std::optional<std::uint64_t> number_of(const Request& request, std::string_view name,
                                       std::uint64_t fallback) {
  const auto text = request.parameter(name);
  return text ? number_in(*text) : fallback;
}

}  // namespace

Result<std::unique_ptr<LiveServer>, std::string> LiveServer::start(const Address& address) {
  std::unique_ptr<LiveServer> live(new LiveServer);
  ServerOptions options{.address = address};
  // Not one that could wake a task, as a thread might that the library does not know.
  options.start_thread = detail::start_known_thread;
  auto server = Server::start(
      options, [live = live.get()](const Request& request) { return live->respond(request); });
  if (!server.has_value()) return server.error();
  live->server_ = std::move(server).value();
  return live;
}

LiveServer::~LiveServer() {
  is_over_ = true;
  server_.reset();  // Its streams count themselves.
}

void LiveServer::finish(std::chrono::milliseconds patience) {
  is_over_ = true;
  std::unique_lock lock(mutex_);
  stream_ended_.wait_for(lock, patience, [&] { return streams_ == 0; });
}

std::shared_ptr<void> LiveServer::count_stream() {
  const std::lock_guard lock(mutex_);
  ++streams_;
  return {nullptr, [this](void*) {
            {
              const std::lock_guard ended(mutex_);
              --streams_;
            }
            stream_ended_.notify_all();
          }};
}

Response LiveServer::respond(const Request& request) {
  const std::string_view path = request.path;
  if (path == "/") return page();
  if (path == "/document") {
    const auto events = number_of(request, "n", kLiveEvents);
    if (!events || *events == 0 || *events > kLiveEventsMax)
      return refuse(400, "n is a number from 1 to " + std::to_string(kLiveEventsMax));
    return document(*events);
  }
  if (path == "/notices") return notices();
  if (path.starts_with(kDebug)) return debug(request, path.substr(kDebug.size()));
  if (path == kDebug.substr(0, kDebug.size() - 1)) return debug(request, "");
  return refuse(404, "there is no such page; /debug/chantrace/ lists what there is");
}

Response LiveServer::debug(const Request& request, std::string_view what) {
  if (what.empty()) return answer(std::string(kIndex), "text/html; charset=utf-8");
  if (what == "report") return report();
  if (what == "analysis") {
    AnalyzerReport analysis = analyzer_.report();
    analysis.findings = findings_of(analysis);
    return answer(to_json(analysis));
  }
  if (what == "tasks") return answer(to_json(current_state()));
  if (what == "channels") return answer(to_json(channels()));
  if (what == "notouch") return answer(to_json(no_touch_report()));
  if (what == "stream") return stream(request);
  if (what == "metrics") {
    const AnalyzerReport analysis = analyzer_.report();
    return answer(metrics_.text(analysis.blocked.size(), analysis.leaked.size()),
                  "text/plain; version=0.0.4; charset=utf-8");
  }
  if (what != "events" && what != "trace")
    return refuse(404, "there is no such endpoint; /debug/chantrace/ lists those there are");
  const auto count = number_of(request, "n", what == "events" ? kEventsDefault : kLiveEvents);
  if (!count || *count == 0 || *count > kLiveEventsMax)
    return refuse(400, "n is a number from 1 to " + std::to_string(kLiveEventsMax));
  if (what == "trace") {
    const std::vector<std::byte> bytes = to_bytes(recent_trace(*count));
    return answer({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                  "application/octet-stream");
  }
  const std::uint64_t newest = newest_event();
  const auto after = number_of(request, "after", newest > *count ? newest - *count : 0);
  if (!after) return refuse(400, "after is the number of an event");
  return answer(to_json(events_since(*after, *count), *after));
}

Response LiveServer::report() const {
  ProgramReport report;
  report.program = program_invocation_name;
  report.process_id = static_cast<std::uint64_t>(getpid());
  report.events = newest_event();
  report.lost = metrics_.lost();
  for (const TaskState& task : current_state().tasks)
    if (task.status == TaskStatus::kRunning || task.status == TaskStatus::kParked) ++report.tasks;
  report.channels = channels().size();
  report.analysis = analyzer_.report();
  return answer(to_json(report));
}

Response LiveServer::page() const {
  const LiveSnapshot now = take_snapshot(kLiveEvents);
  return answer(to_page(now.trace, now.findings, "live", &now.live), "text/html; charset=utf-8");
}

Response LiveServer::document(std::size_t events) const {
  const LiveSnapshot now = take_snapshot(events);
  return answer(to_document(now.trace, now.findings, "live", &now.live));
}

Response LiveServer::stream(const Request& request) {
  auto after = number_of(request, "after", 0);
  if (!request.last_event_id.empty()) after = number_in(request.last_event_id);
  if (!after) return refuse(400, "after is the number of an event");
  Response response{.type = std::string(kEventStream), .more = {}};
  response.more = [this, last = *after, has_ended = false,
                   counted = count_stream()]() mutable -> std::optional<std::string> {
    if (has_ended) return std::nullopt;
    // Asked before the events, so that the last of them are not missed.
    const bool is_over = is_over_;
    const EventBatch batch = events_since(last, kStreamBatch);
    std::string text;
    if (!batch.events.empty() && batch.first > last + 1)
      text = "event: skipped\ndata: {\"skipped\":\"" + std::to_string(batch.first - last - 1) +
             "\"}\n\n";
    std::uint64_t number = batch.first;
    for (const Event& event : batch.events) {
      last = number++;
      text += "id: " + std::to_string(last) + "\ndata: " + to_json(event, last) + "\n\n";
    }
    if (is_over && batch.events.empty()) {
      has_ended = true;
      text = "event: end\ndata: {}\n\n";
    }
    return text;
  };
  return response;
}

Response LiveServer::notices() {
  using SteadyClock = std::chrono::steady_clock;
  Response response{.type = std::string(kEventStream), .more = {}};
  response.more = [this, told = std::uint64_t{0}, at = SteadyClock::time_point(), has_told = false,
                   has_ended = false,
                   counted = count_stream()]() mutable -> std::optional<std::string> {
    if (has_ended) return std::nullopt;
    if (is_over_) {
      has_ended = true;
      return "event: end\ndata: {}\n\n";
    }
    const SteadyClock::time_point now = SteadyClock::now();
    const std::uint64_t newest = newest_event();
    if ((has_told && newest == told) || now < at + kNoticePeriod) return "";
    told = newest;
    at = now;
    has_told = true;
    return "data: {\"events\":\"" + std::to_string(newest) + "\"}\n\n";
  };
  return response;
}

}  // namespace chantrace::view
