#include "debug_json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "model/json_string.h"

namespace chantrace::view {
namespace {

using Json = nlohmann::ordered_json;

std::string written(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string number_text(std::uint64_t number) { return std::to_string(number); }

Json to_value(const Site& site) {
  return {{"file", site.file}, {"function", site.function}, {"line", site.line}};
}

std::string_view to_text(Phase phase) {
  switch (phase) {
    case Phase::kStart:
      return "start";
    case Phase::kDone:
      return "done";
    case Phase::kBoth:
      break;
  }
  return "both";
}

std::string_view to_text(TaskStatus status) {
  switch (status) {
    case TaskStatus::kRunning:
      return "running";
    case TaskStatus::kParked:
      return "waiting";
    case TaskStatus::kEnded:
      return "ended";
    case TaskStatus::kEndedByException:
      return "ended by exception";
    case TaskStatus::kCancelled:
      break;
  }
  return "cancelled";
}

std::string_view to_text(WaitingTask::Outlook outlook) {
  switch (outlook) {
    case WaitingTask::Outlook::kGoesOn:
      return "goes on";
    case WaitingTask::Outlook::kUnknown:
      return "unknown";
    case WaitingTask::Outlook::kDoubtful:
      return "doubtful";
    case WaitingTask::Outlook::kStuck:
      break;
  }
  return "stuck";
}

/// Puts one object together, for events, of which there are many: a value for each would take some
/// microseconds.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ~ObjectWriter() {
    if (out_.back() == ',') out_.pop_back();
    out_ += '}';
  }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  ObjectWriter& text(std::string_view key, std::string_view value) {
    begin(key);
    (out_ += json_string(value)) += ',';
    return *this;
  }
  ObjectWriter& number(std::string_view key, std::uint32_t value) {
    begin(key);
    (out_ += std::to_string(value)) += ',';
    return *this;
  }
  /// One that may not fit into 53 bits.
  ObjectWriter& large_number(std::string_view key, std::uint64_t value) {
    return text(key, std::to_string(value));
  }
  /// An object that the result writes.
  ObjectWriter object(std::string_view key) {
    begin(key);
    return ObjectWriter(out_);
  }
  void separate() { out_ += ','; }

 private:
  void begin(std::string_view key) { ((out_ += '"') += key) += "\":"; }
  std::string& out_;
};

void append(std::string& out, const Event& event, std::uint64_t number) {
  const auto since_1970 = event.time.time_since_epoch();
  ObjectWriter json(out);
  json.large_number("number", number)
      .large_number("time_unix_ns",
                    static_cast<std::uint64_t>(
                        std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count()))
      .number("task_id", to_number(event.task))
      .text("task", event.task_label);
  if (event.operation == Operation::kNone) {
    json.text("operation", "lost").large_number("lost", event.lost);
    return;
  }
  json.text("operation", to_string(event.operation))
      .text("phase", to_text(event.phase))
      .text("outcome", to_string(event.outcome))
      .large_number("operation_id", event.operation_id);
  if (is_on_task(event.operation)) {
    json.number("other_task_id", to_number(event.other_task))
        .text("other_task", event.other_label)
        .number("parent_task_id", to_number(event.parent));
  } else if (event.object != ObjectId{}) {
    json.number("object_id", to_number(event.object))
        .text("object_kind", to_string(event.object_kind))
        .text("object", event.object_name)
        .number("sequence", event.sequence);
    if (event.object_kind == ObjectKind::kChannel)
      json.text("type", event.type)
          .text("value", event.value)
          .large_number("buffer_size", event.buffer_size)
          .large_number("buffer_capacity", event.buffer_capacity);
  }
  if (event.select_case != kNoCase) json.number("select_case", event.select_case);
  {
    ObjectWriter site = json.object("site");
    site.text("file", event.site.file)
        .text("function", event.site.function)
        .number("line", event.site.line);
  }
  json.separate();
}

Json to_value(const BlockedTask& task) {
  return {{"task_id", to_number(task.task)},
          {"task", task.label},
          {"waits_in", task.what},
          {"outlook", to_text(task.outlook)},
          {"duration_ns", number_text(static_cast<std::uint64_t>(task.duration.count()))},
          {"waiting_at", to_value(task.waiting_at)},
          {"started_at", to_value(task.started_at)},
          {"reason", task.reason}};
}

Json to_value(const std::vector<BlockedTask>& tasks) {
  Json all = Json::array();
  for (const BlockedTask& task : tasks) all.push_back(to_value(task));
  return all;
}

Json to_value(const std::vector<Finding>& findings) {
  Json all = Json::array();
  for (const Finding& finding : findings) {
    Json participants = Json::array();
    for (const Participant& one : finding.participants)
      participants.push_back({{"task_id", to_number(one.task)},
                              {"task", one.label},
                              {"text", one.text},
                              {"site", to_value(one.site)},
                              {"started_at", to_value(one.started_at)}});
    all.push_back({{"kind", to_string(finding.kind)},
                   {"certainty", to_string(finding.certainty)},
                   {"task_id", to_number(finding.task)},
                   {"object_id", to_number(finding.object)},
                   {"summary", finding.summary},
                   {"reason", finding.reason},
                   {"participants", std::move(participants)}});
  }
  return all;
}

Json to_value(const TaskState& task) {
  Json waits = Json::array();
  for (const Wait& wait : task.waits)
    waits.push_back({{"operation", to_string(wait.operation)},
                     {"object_id", to_number(wait.object)},
                     {"task_id", to_number(wait.task)},
                     {"has_deadline", wait.has_deadline}});
  return {{"task_id", to_number(task.id)},
          {"task", task.label},
          {"parent_task_id", to_number(task.parent)},
          {"status", to_text(task.status)},
          {"is_host", task.is_host},
          {"started_at", to_value(task.started_at)},
          {"ended_at", to_value(task.ended_at)},
          {"exception", task.exception},
          {"is_select", task.is_select},
          {"waiting_at", to_value(task.waiting_at)},
          {"waits", std::move(waits)}};
}

Json to_value(const ObjectState& object) {
  Json holders = Json::array();
  for (const Holder& holder : object.holders)
    holders.push_back({{"task_id", to_number(holder.task)},
                       {"since", to_value(holder.since)},
                       {"is_shared", holder.is_shared}});
  return {{"object_id", to_number(object.id)},
          {"object_kind", to_string(object.kind)},
          {"object", object.name},
          {"type", object.type},
          {"created_at", to_value(object.created_at)},
          {"buffer_size", number_text(object.size)},
          {"buffer_capacity", number_text(object.capacity)},
          {"is_closed", object.is_closed},
          {"count", std::to_string(object.count)},
          {"holders", std::move(holders)}};
}

}  // namespace

std::string to_text(std::chrono::system_clock::time_point time) {
  const auto microseconds = std::chrono::floor<std::chrono::microseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (microseconds - seconds).count());
}

std::string to_json(const Event& event, std::uint64_t number) {
  std::string out;
  append(out, event, number);
  return out;
}

std::string to_json(const std::vector<ChannelInfo>& channels) {
  Json all = Json::array();
  for (const ChannelInfo& channel : channels)
    all.push_back({{"name", channel.name},
                   {"type", channel.type},
                   {"buffer_size", number_text(channel.size)},
                   {"buffer_capacity", number_text(channel.capacity)},
                   {"is_closed", channel.is_closed},
                   {"created_at", to_value(channel.created_at)}});
  return written(all);
}

std::string to_json(const EndState& state) {
  Json tasks = Json::array();
  for (const TaskState& task : state.tasks) tasks.push_back(to_value(task));
  Json objects = Json::array();
  for (const ObjectState& object : state.objects) objects.push_back(to_value(object));
  return written(Json{{"tasks", std::move(tasks)}, {"objects", std::move(objects)}});
}

std::string to_json(const AnalyzerReport& report) {
  return written(Json{{"time", to_text(report.time)},
                      {"blocked", to_value(report.blocked)},
                      {"leaked", to_value(report.leaked)},
                      {"findings", to_value(report.findings)}});
}

std::string to_json(const ProgramReport& report) {
  const auto lines = [](const std::vector<BlockedTask>& tasks) {
    Json all = Json::array();
    for (const BlockedTask& task : tasks) all.push_back(task.label + ": " + task.what);
    return all;
  };
  Json findings = Json::array();
  for (const Finding& finding : report.analysis.findings) findings.push_back(finding.summary);
  return written(Json{{"time", to_text(report.analysis.time)},
                      {"program", report.program},
                      {"process_id", number_text(report.process_id)},
                      {"events", number_text(report.events)},
                      {"events_lost", number_text(report.lost)},
                      {"tasks", number_text(report.tasks)},
                      {"channels", number_text(report.channels)},
                      {"version", number_text(report.version)},
                      {"blocked", lines(report.analysis.blocked)},
                      {"leaked", lines(report.analysis.leaked)},
                      {"findings", std::move(findings)}});
}

}  // namespace chantrace::view
