#include "encode.h"

#include <array>
#include <cstring>

#include "chantrace/detail/spool.h"
#include "text.h"

namespace chantrace::detail {
namespace {

/// Most definitions fit in this many words, and are then made without an allocation of Cap'n
/// Proto's.
constexpr std::size_t kScratchWords = 96;

/// A message that starts out on the stack.
class SmallMessage {
 public:
  schema::Message::Builder root() { return builder_.initRoot<schema::Message>(); }

  std::vector<std::byte> finish() {
    std::vector<std::byte> bytes;
    append_message(builder_, bytes);
    return bytes;
  }

 private:
  // Zero, as the builder requires; it leaves it so.
  std::array<capnp::word, kScratchWords> scratch_{};
  capnp::MallocMessageBuilder builder_{kj::arrayPtr(scratch_.data(), scratch_.size())};
};

/// Copies a text to where `init` makes room for it. Empty text takes no room.
template <typename Init>
void put_text(std::string_view text, Init init) {
  if (text.empty()) return;
  std::string scratch;
  const std::string_view good = clean(text, kTextBytesMax, scratch);
  capnp::Text::Builder to = init(static_cast<unsigned>(good.size()));
  std::memcpy(to.begin(), good.data(), good.size());
}

#define CHANTRACE_PUT_TEXT(to, Field, text) \
  put_text((text), [&](unsigned size_bytes) { return (to).init##Field(size_bytes); })

void put_list_text(capnp::List<capnp::Text>::Builder to, unsigned index, std::string_view text) {
  put_text(text, [&](unsigned size_bytes) { return to.init(index, size_bytes); });
}

template <typename Range>
unsigned count_of(const Range& range) {
  return static_cast<unsigned>(range.size());
}

void fill_place(schema::End::Place::Builder to, std::string_view role, const Site& site) {
  CHANTRACE_PUT_TEXT(to, Role, role);
  CHANTRACE_PUT_TEXT(to, File, site.file);
  CHANTRACE_PUT_TEXT(to, Function, site.function);
  to.setLine(site.line);
}

void fill_participants(capnp::List<schema::End::Participant>::Builder to,
                       const std::vector<Participant>& participants) {
  for (unsigned i = 0; i < to.size(); ++i) {
    const Participant& participant = participants[i];
    schema::End::Participant::Builder item = to[i];
    item.setTask(to_number(participant.task));
    CHANTRACE_PUT_TEXT(item, Label, participant.label);
    CHANTRACE_PUT_TEXT(item, Text, participant.text);
    fill_place(item.initSite(), "", participant.site);
    fill_place(item.initStartedAt(), "", participant.started_at);
    CHANTRACE_PUT_TEXT(item, StartedBy, participant.started_by);
  }
}

void fill_finding(schema::End::Finding::Builder to, const Finding& finding) {
  CHANTRACE_PUT_TEXT(to, Kind, to_string(finding.kind));
  CHANTRACE_PUT_TEXT(to, Certainty, to_string(finding.certainty));
  to.setTask(to_number(finding.task));
  to.setObject(to_number(finding.object));
  CHANTRACE_PUT_TEXT(to, Summary, finding.summary);
  if (!finding.reason.empty()) {
    auto reason = to.initReason(count_of(finding.reason));
    for (unsigned i = 0; i < reason.size(); ++i) put_list_text(reason, i, finding.reason[i]);
  }
  if (!finding.sites.empty()) {
    auto sites = to.initSites(count_of(finding.sites));
    for (unsigned i = 0; i < sites.size(); ++i)
      fill_place(sites[i], finding.sites[i].role, finding.sites[i].site);
  }
  if (!finding.participants.empty())
    fill_participants(to.initParticipants(count_of(finding.participants)), finding.participants);
  if (!finding.behind.empty())
    fill_participants(to.initBehind(count_of(finding.behind)), finding.behind);
}

}  // namespace

void fill(schema::Header::Builder to, const TraceHeader& header) {
  to.setFormatVersion(header.format_version);
  CHANTRACE_PUT_TEXT(to, Program, header.program);
  if (!header.arguments.empty()) {
    auto arguments = to.initArguments(count_of(header.arguments));
    for (unsigned i = 0; i < arguments.size(); ++i)
      put_list_text(arguments, i, header.arguments[i]);
  }
  CHANTRACE_PUT_TEXT(to, Test, header.test);
  CHANTRACE_PUT_TEXT(to, BuildId, header.build_id);
  to.setProcessId(header.process_id);
  to.setStartedUnixNs(header.started_unix_ns);
  to.setStartedTicks(header.started_ticks);
  to.setTicksPerSecond(header.ticks_per_second);
  to.setIsControlled(header.is_controlled);
  to.setHasValues(header.has_values);
  if (!header.options.empty()) {
    auto options = to.initOptions(count_of(header.options));
    for (unsigned i = 0; i < options.size(); ++i) {
      schema::Option::Builder option = options[i];
      CHANTRACE_PUT_TEXT(option, Name, header.options[i].first);
      CHANTRACE_PUT_TEXT(option, Value, header.options[i].second);
    }
  }
  to.setLibrary(CHANTRACE_VERSION);
}

void fill(schema::Definitions::Task::Builder to, const TaskInfo& task) {
  to.setId(to_number(task.id));
  to.setParent(to_number(task.parent));
  CHANTRACE_PUT_TEXT(to, Label, task.label);
  to.setSite(to_number(task.site));
  to.setIsHost(task.is_host);
  to.setIsBody(task.is_body);
  to.setIsOlder(task.is_older);
  to.setOsThread(task.os_thread);
}

void fill(schema::Definitions::Object::Builder to, const ObjectInfo& object) {
  to.setId(to_number(object.id));
  to.setKind(static_cast<std::uint8_t>(object.kind));
  to.setFormat(static_cast<std::uint8_t>(object.format));
  CHANTRACE_PUT_TEXT(to, Name, object.name);
  CHANTRACE_PUT_TEXT(to, TypeName, object.type);
  to.setSite(to_number(object.site));
  to.setCapacity(object.capacity);
  to.setInitialSize(object.initial_size);
  to.setInitialCount(object.initial_count);
  to.setIsInitiallyClosed(object.is_initially_closed);
  to.setChannel(to_number(object.channel));
  if (!object.initial_holders.empty()) {
    auto holders = to.initInitialHolders(count_of(object.initial_holders));
    for (unsigned i = 0; i < holders.size(); ++i)
      holders.set(i, to_number(object.initial_holders[i]));
  }
}

void fill(schema::Definitions::Site::Builder to, SiteId id, std::string_view file,
          std::string_view function, std::uint32_t line) {
  to.setId(to_number(id));
  to.setLine(line);
  CHANTRACE_PUT_TEXT(to, File, file);
  CHANTRACE_PUT_TEXT(to, Function, function);
}

void fill(schema::Definitions::TextValue::Builder to, std::uint64_t id, std::string_view text) {
  to.setId(id);
  CHANTRACE_PUT_TEXT(to, Text, text);
}

void fill(schema::Definitions::Stack::Builder to, std::uint64_t id,
          std::span<const std::uint64_t> frames) {
  to.setId(id);
  if (frames.empty()) return;
  auto list = to.initFrames(count_of(frames));
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, frames[i]);
}

void fill(schema::Definitions::Module::Builder to, const ModuleInfo& module) {
  CHANTRACE_PUT_TEXT(to, Path, module.path);
  to.setBase(module.base);
  to.setSizeBytes(module.size_bytes);
  CHANTRACE_PUT_TEXT(to, BuildId, module.build_id);
}

void fill_schedule(schema::End::Schedule::Builder to, const Schedule& schedule) {
  auto tasks = to.initTasks(count_of(schedule.segments));
  auto operations = to.initOperations(count_of(schedule.segments));
  for (unsigned i = 0; i < tasks.size(); ++i) {
    tasks.set(i, schedule.segments[i].task);
    operations.set(i, schedule.segments[i].operations);
  }
  auto choices = to.initChoices(count_of(schedule.choices));
  for (unsigned i = 0; i < choices.size(); ++i) choices.set(i, schedule.choices[i]);
  to.setFingerprint(schedule.fingerprint);
  to.setTimeAtQuiescence(schedule.rules.time_mode == TimeMode::kQuiescence);
  to.setSpawnIsStep(schedule.rules.spawn_is_step);
  to.setUnlockIsStep(schedule.rules.unlock_is_step);
  to.setEndIsStep(schedule.rules.end_is_step);
}

void fill_deed(schema::End::Deed::Builder to, const Deed& deed) {
  to.setStep(deed.step);
  to.setTask(deed.task);
  CHANTRACE_PUT_TEXT(to, Text, deed.text);
  CHANTRACE_PUT_TEXT(to, Preempted, deed.preempted);
  fill_place(to.initSite(), "", deed.site);
}

void fill_explanation(schema::End::Explanation::Builder to, const Explanation& explanation) {
  auto tasks = to.initTasks(count_of(explanation.tasks));
  for (unsigned i = 0; i < tasks.size(); ++i) put_list_text(tasks, i, explanation.tasks[i]);
  auto deeds = to.initDeeds(count_of(explanation.deeds));
  for (unsigned i = 0; i < deeds.size(); ++i) fill_deed(deeds[i], explanation.deeds[i]);
  auto orders = to.initOrders(count_of(explanation.orders));
  for (unsigned i = 0; i < orders.size(); ++i) {
    const DecisiveOrder& order = explanation.orders[i];
    fill_deed(orders[i].initFirst(), order.first);
    fill_deed(orders[i].initSecond(), order.second);
    orders[i].setFailed(order.failed);
    orders[i].setSchedules(order.schedules);
  }
  auto choices = to.initChoices(count_of(explanation.choices));
  for (unsigned i = 0; i < choices.size(); ++i) {
    auto choice = choices[i];
    fill_deed(choice.initDeed(), explanation.choices[i].deed);
    CHANTRACE_PUT_TEXT(choice, Outcome, explanation.choices[i].outcome);
    choice.setFailed(explanation.choices[i].failed);
    choice.setSchedules(explanation.choices[i].schedules);
  }
  to.setFailedNearby(explanation.failed_nearby);
  to.setNearby(explanation.nearby);
  to.setDecidedAt(explanation.decided_at);
  to.setContinuations(explanation.continuations);
}

void fill(schema::End::Builder to, const TraceEnd& end) {
  to.setPassed(end.passed);
  to.setEndedTicks(end.ended_ticks);
  to.setTicksPerSecond(end.ticks_per_second);
  to.setForeignThreads(end.foreign_threads);
  to.setBodyEnded(end.body_ended);
  if (end.schedule) fill_schedule(to.initSchedule(), *end.schedule);
  if (end.explanation) fill_explanation(to.initExplanation(), *end.explanation);
  if (end.findings.empty()) return;
  auto findings = to.initFindings(count_of(end.findings));
  for (unsigned i = 0; i < findings.size(); ++i) fill_finding(findings[i], end.findings[i]);
}

void fill(schema::CompactChunk::Builder to, const ChunkPlace& place, const CompactData& data) {
  to.setTask(to_number(place.task));
  to.setCount(static_cast<std::uint32_t>(data.events_count));
  to.setFirstIndex(place.first_index);
  to.setLostBefore(place.lost_before);
  to.setEncoding(static_cast<std::uint8_t>(data.encoding));
  to.setRawBytes(static_cast<std::uint32_t>(data.plain_bytes));
  auto bytes = to.initData(static_cast<unsigned>(data.bytes.size()));
  if (!data.bytes.empty()) std::memcpy(bytes.begin(), data.bytes.data(), data.bytes.size());
}

void append_message(capnp::MessageBuilder& message, std::vector<std::byte>& bytes) {
  const auto segments = message.getSegmentsForOutput();
  // The number of segments less one, their sizes in words, and a hole up to a whole word.
  const std::size_t table_bytes = (segments.size() / 2 + 1) * sizeof(capnp::word);
  std::size_t total_bytes = table_bytes;
  for (const auto& segment : segments) total_bytes += segment.asBytes().size();

  const std::size_t start = bytes.size();
  bytes.resize(start + total_bytes);
  std::byte* to = bytes.data() + start;
  const auto put_number = [&to](std::size_t number) {
    const auto small = static_cast<std::uint32_t>(number);
    std::memcpy(to, &small, sizeof small);
    to += sizeof small;
  };
  put_number(segments.size() - 1);
  for (const auto& segment : segments) put_number(segment.size());
  if (segments.size() % 2 == 0) put_number(0);
  for (const auto& segment : segments) {
    const auto content = segment.asBytes();
    std::memcpy(to, content.begin(), content.size());
    to += content.size();
  }
}

std::vector<std::byte> encode_header(const TraceHeader& header) {
  SmallMessage message;
  fill(message.root().initHeader(), header);
  return message.finish();
}

std::vector<std::byte> encode_task(const TaskInfo& task) {
  SmallMessage message;
  fill(message.root().initDefinitions().initTasks(1)[0], task);
  return message.finish();
}

std::vector<std::byte> encode_object(const ObjectInfo& object) {
  SmallMessage message;
  fill(message.root().initDefinitions().initObjects(1)[0], object);
  return message.finish();
}

std::vector<std::byte> encode_site(SiteId id, const char* file, const char* function,
                                   std::uint32_t line) {
  SmallMessage message;
  fill(message.root().initDefinitions().initSites(1)[0], id, file, function, line);
  return message.finish();
}

std::vector<std::byte> encode_text(std::uint64_t id, std::string_view text) {
  SmallMessage message;
  fill(message.root().initDefinitions().initTexts(1)[0], id, text);
  return message.finish();
}

std::vector<std::byte> encode_stack(std::uint64_t id, std::span<const std::uint64_t> frames) {
  SmallMessage message;
  fill(message.root().initDefinitions().initStacks(1)[0], id, frames);
  return message.finish();
}

std::vector<std::byte> encode_modules(std::span<const ModuleInfo> modules) {
  SmallMessage message;
  auto list = message.root().initDefinitions().initModules(count_of(modules));
  for (unsigned i = 0; i < list.size(); ++i) fill(list[i], modules[i]);
  return message.finish();
}

std::vector<std::byte> encode_chunk(const Chunk& chunk) {
  const std::span events(chunk.events(), chunk.count.load(std::memory_order_acquire));
  std::vector<std::byte> plain;
  compact(events, plain);
  constexpr std::size_t kWordsBesideData = 16;
  capnp::MallocMessageBuilder message(
      static_cast<unsigned>(plain.size() / sizeof(capnp::word) + kWordsBesideData));
  fill(message.initRoot<schema::Message>().initCompactChunk(),
       {TaskId{chunk.task}, chunk.first_index, chunk.lost_before},
       {events.size(), CompactEncoding::kPlain, plain.size(), plain});
  std::vector<std::byte> bytes;
  append_message(message, bytes);
  return bytes;
}

std::vector<std::byte> encode_end(const TraceEnd& end) {
  SmallMessage message;
  fill(message.root().initEnd(), end);
  return message.finish();
}

}  // namespace chantrace::detail
