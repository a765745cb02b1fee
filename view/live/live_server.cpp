#include "live_server.h"

#include <unistd.h>
#include <algorithm>
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
/// At once. What is made for one of them may take some MB.
constexpr std::size_t kClientsMax = 16;
constexpr std::chrono::milliseconds kNoticePeriod{250};
constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";

/// A page that lists what there is. `token`: what each link needs; may be empty.
std::string index_page(const std::string& token) {
  struct Entry {
    const char* link;
    const char* text;
  };
  constexpr Entry kEntries[] = {
      {"/", "view: the last events, as a timeline"},
      {"/debug/chantrace/report", "report: a summary"},
      {"/debug/chantrace/analysis", "analysis: who is blocked, who leaked, and why"},
      {"/debug/chantrace/tasks", "tasks: all of them, what they wait for, and who holds what"},
      {"/debug/chantrace/channels", "channels: all of them, and what is in them"},
      {"/debug/chantrace/events", "events: the last ones; ?after=N&amp;n=M goes on behind N"},
      {"/debug/chantrace/stream", "stream: events as they come (server-sent events)"},
      {"/debug/chantrace/notouch", "notouch: what the no-touch probe has seen"},
      {"/debug/chantrace/trace", "trace: the last events as a trace, for the command"},
      {"/debug/chantrace/metrics", "metrics: for Prometheus"}};
  std::string html =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>chantrace</title>"
      "<h1>chantrace</h1><ul>";
  for (const Entry& entry : kEntries)
    html += "<li><a href=\"" + std::string(entry.link) + (token.empty() ? "" : "?token=" + token) +
            "\">" + entry.text + "</a></li>";
  return html + "</ul></html>";
}

Response answer(std::string body, std::string_view type = kJson, unsigned status = 200) {
  return {.status = status,
          .type = std::string(type),
          .body = std::make_shared<std::string>(std::move(body)),
          .more = {}};
}

/// Events that a stream does not have.
std::string skipped_in_words(std::uint64_t count) {
  return "event: skipped\ndata: {\"skipped\":\"" + std::to_string(count) + "\"}\n\n";
}

}  // namespace

Result<std::unique_ptr<LiveServer>, std::string> LiveServer::start(
    const Address& address, std::chrono::milliseconds patience) {
  std::unique_ptr<LiveServer> live(new LiveServer(address.token));
  ServerOptions options{.address = address};
  options.patience = patience;
  options.connections_max = kClientsMax;
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
  total_at_end_ = newest_event();
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
    const auto events = request.number("n", kLiveEvents);
    if (!events || *events == 0 || *events > kLiveEventsMax)
      return refuse(400, "n is a number from 1 to " + std::to_string(kLiveEventsMax));
    return document(*events);
  }
  if (path == "/notices") return notices();
  if (path.starts_with(kDebug)) return debug(request, path.substr(kDebug.size()));
  return refuse(404, "there is no such page; /debug/chantrace/ lists what there is");
}

Response LiveServer::debug(const Request& request, std::string_view what) {
  if (what.empty()) return answer(index_page(token_), "text/html; charset=utf-8");
  if (what == "report") return report();
  if (what == "analysis") {
    AnalyzerReport analysis = Analyzer().report();
    analysis.findings = findings_of(analysis);
    return answer(to_json(analysis));
  }
  if (what == "tasks") return answer(to_json(current_state()));
  if (what == "channels") return answer(to_json(channels()));
  if (what == "notouch") return answer(to_json(no_touch_report()));
  if (what == "stream") return stream(request);
  if (what == "metrics") {
    const AnalyzerReport analysis = Analyzer().report();
    return answer(metrics_.text(analysis.blocked.size(), analysis.leaked.size()),
                  "text/plain; version=0.0.4; charset=utf-8");
  }
  if (what != "events" && what != "trace")
    return refuse(404, "there is no such endpoint; /debug/chantrace/ lists those there are");
  const auto count = request.number("n", what == "events" ? kEventsDefault : kLiveEvents);
  if (!count || *count == 0 || *count > kLiveEventsMax)
    return refuse(400, "n is a number from 1 to " + std::to_string(kLiveEventsMax));
  if (what == "trace") {
    const std::vector<std::byte> bytes = to_bytes(recent_trace(*count));
    return answer({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                  "application/octet-stream");
  }
  const std::uint64_t newest = newest_event();
  const auto after = request.number("after", newest > *count ? newest - *count : 0);
  if (!after) return refuse(400, "after is the number of an event");
  return events(*after, *count);
}

Response LiveServer::events(std::uint64_t after, std::size_t count) const {
  Response response{.type = std::string(kJson), .more = {}};
  // In pieces: many clients may take their time with it.
  response.more = [last = after, left = count, is_first = true,
                   is_over = false]() mutable -> std::optional<std::string> {
    if (is_over) return std::nullopt;
    const EventBatch batch = events_since(last, std::min(left, kStreamBatch));
    std::string text;
    if (is_first) {
      const std::uint64_t skipped = batch.first - 1 > last ? batch.first - 1 - last : 0;
      text = "{\"total\":\"" + std::to_string(batch.total) + "\",\"skipped\":\"" +
             std::to_string(skipped) + "\",\"events\":[";
    } else if (batch.first - 1 > last) {
      left = 0;  // The next ones are gone meanwhile, and are told as skipped when asked for.
    }
    for (std::size_t i = 0; i < batch.events.size() && left > 0; ++i, --left) {
      if (!is_first || i > 0) text += ',';
      last = batch.first + i;
      text += to_json(batch.events[i], last);
    }
    if (left == 0 || batch.events.empty()) {
      is_over = true;
      text += "],\"next\":\"" + std::to_string(last) + "\"}";
    }
    is_first = false;
    return text;
  };
  return response;
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
  report.analysis = Analyzer().report();
  report.version = state_version();
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
  auto after = request.number("after", 0);
  if (!request.last_event_id.empty()) after = parse_number(request.last_event_id);
  if (!after) return refuse(400, "after is the number of an event");
  Response response{.type = std::string(kEventStream), .more = {}};
  response.more = [this, last = *after, has_ended = false,
                   counted = count_stream()]() mutable -> std::optional<std::string> {
    if (has_ended) return std::nullopt;
    // Asked before the events, so that the last of them are not missed.
    const bool is_over = is_over_;
    EventBatch batch = events_since(last, kStreamBatch);
    std::string text;
    if (last > batch.total && batch.total > 0) {
      // That number is of another program, which was here before.
      text = "event: restarted\ndata: {}\n\n";
      last = 0;
      batch = events_since(last, kStreamBatch);
    }
    if (!batch.events.empty() && batch.first > last + 1)
      text = skipped_in_words(batch.first - last - 1);
    std::uint64_t number = batch.first;
    for (const Event& event : batch.events) {
      last = number++;
      text += "id: " + std::to_string(last) + "\ndata: " + to_json(event, last) + "\n\n";
    }
    if (is_over && batch.events.empty()) {
      has_ended = true;
      // A program waits a while for those who listen, and then has no events any more.
      if (last < total_at_end_) text += skipped_in_words(total_at_end_ - last);
      text += "event: end\ndata: {}\n\n";
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
    if (now < at + kNoticePeriod) return "";
    at = now;
    const std::uint64_t version = state_version();
    if (has_told && version == told) return "";
    told = version;
    has_told = true;
    return "data: {\"events\":\"" + std::to_string(newest_event()) + "\",\"version\":\"" +
           std::to_string(version) + "\"}\n\n";
  };
  return response;
}

}  // namespace chantrace::view
