#include "decode.h"

#include <algorithm>
#include <utility>

#include "text.h"

namespace chantrace::detail {
namespace {

/// Sorts by id and leaves the last of those that have the same.
template <typename Item>
void sort_by_id(std::vector<Item>& items) {
  std::stable_sort(items.begin(), items.end(),
                   [](const Item& left, const Item& right) { return left.id < right.id; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i + 1 < items.size() && items[i + 1].id == items[i].id) continue;
    if (kept != i) items[kept] = std::move(items[i]);
    ++kept;
  }
  items.resize(kept);
}

std::optional<Certainty> parse_certainty(std::string_view name) {
  for (const Certainty certainty : {Certainty::kCertain, Certainty::kPossible, Certainty::kNote})
    if (to_string(certainty) == name) return certainty;
  return std::nullopt;
}

std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

}  // namespace

void Warnings::add(std::string text) {
  constexpr std::size_t kTextsMax = 50;
  if (texts_.size() < kTextsMax) {
    texts_.push_back(std::move(text));
  } else {
    ++more_;
  }
}

std::vector<std::string> Warnings::take() {
  if (more_ > 0) texts_.push_back("and " + std::to_string(more_) + " more warnings");
  more_ = 0;
  return std::exchange(texts_, {});
}

void DefinitionsReader::allow(std::uint64_t size_bytes) {
  constexpr std::uint64_t kMemoryPerByte = 32;
  memory_bytes_max_ += kMemoryPerByte * size_bytes;
}

bool DefinitionsReader::may_add(std::uint64_t size_bytes) {
  memory_bytes_ += size_bytes;
  ++definitions_count_;
  if (definitions_count_ <= limits_.definitions_max && memory_bytes_ <= memory_bytes_max_)
    return true;
  if (!std::exchange(is_full_, true))
    warnings_.add("there are more than " + std::to_string(limits_.definitions_max) +
                  " definitions, or more than their bytes can hold; the others were skipped");
  return false;
}

std::string DefinitionsReader::text(capnp::Text::Reader from) {
  const auto bytes_max = static_cast<std::size_t>(limits_.text_bytes_max);
  if (from.size() > bytes_max)
    warnings_.add("a text of " + std::to_string(from.size()) + " bytes was cut at " +
                  std::to_string(bytes_max));
  std::string scratch;
  return std::string(clean(view(from), bytes_max, scratch));
}

void DefinitionsReader::read_header(schema::Header::Reader from) {
  TraceHeader header;
  header.format_version = from.getFormatVersion();
  header.process_id = from.getProcessId();
  header.started_unix_ns = from.getStartedUnixNs();
  header.started_ticks = from.getStartedTicks();
  header.ticks_per_second = from.getTicksPerSecond();
  header.is_controlled = from.getIsControlled();
  header.has_values = from.getHasValues();
  header.program = text(from.getProgram());
  for (const auto argument : from.getArguments()) header.arguments.push_back(text(argument));
  header.test = text(from.getTest());
  header.build_id = text(from.getBuildId());
  for (const auto option : from.getOptions()) {
    if (!may_add(sizeof(header.options.front()))) break;
    header.options.emplace_back(text(option.getName()), text(option.getValue()));
  }
  trace_.header = std::move(header);
}

void DefinitionsReader::read_definitions(schema::Definitions::Reader from) {
  for (const auto task : from.getTasks()) {
    if (task.getId() == 0) continue;
    if (!may_add(sizeof(TaskInfo))) return;
    trace_.tasks.push_back({.id = TaskId{task.getId()},
                            .parent = TaskId{task.getParent()},
                            .label = text(task.getLabel()),
                            .site = SiteId{task.getSite()},
                            .is_host = task.getIsHost(),
                            .is_body = task.getIsBody(),
                            .is_older = task.getIsOlder(),
                            .os_thread = task.getOsThread()});
  }
  for (const auto object : from.getObjects()) {
    if (object.getId() == 0) continue;
    if (!may_add(sizeof(ObjectInfo))) return;
    ObjectInfo info;
    info.id = ObjectId{object.getId()};
    info.kind = static_cast<ObjectKind>(object.getKind());
    info.format = static_cast<ValueFormat>(object.getFormat());
    info.name = text(object.getName());
    info.type = text(object.getTypeName());
    info.site = SiteId{object.getSite()};
    info.capacity = object.getCapacity();
    info.initial_size = object.getInitialSize();
    info.initial_count = object.getInitialCount();
    info.is_initially_closed = object.getIsInitiallyClosed();
    info.channel = ObjectId{object.getChannel()};
    for (const std::uint32_t holder : object.getInitialHolders())
      info.initial_holders.push_back(TaskId{holder});
    trace_.objects.push_back(std::move(info));
  }
  for (const auto site : from.getSites()) {
    if (site.getId() == 0) continue;
    if (!may_add(sizeof(Site))) return;
    trace_.sites[site.getId()] = {text(site.getFile()), text(site.getFunction()), site.getLine()};
  }
  for (const auto entry : from.getTexts()) {
    if (entry.getId() == 0) continue;
    if (!may_add(sizeof(std::string))) return;
    trace_.texts[entry.getId()] = text(entry.getText());
  }
  for (const auto stack : from.getStacks()) {
    if (stack.getId() == 0) continue;
    if (!may_add(sizeof(StackInfo))) return;
    const auto frames = stack.getFrames();
    StackInfo& info = trace_.stacks.emplace_back();
    info.id = stack.getId();
    info.frames.reserve(frames.size());
    for (const std::uint64_t frame : frames) info.frames.push_back(frame);
  }
  for (const auto module : from.getModules()) {
    if (!may_add(sizeof(ModuleInfo))) return;
    trace_.modules.push_back({.path = text(module.getPath()),
                              .base = module.getBase(),
                              .size_bytes = module.getSizeBytes(),
                              .build_id = text(module.getBuildId())});
  }
}

Site DefinitionsReader::place(schema::End::Place::Reader from) {
  return {text(from.getFile()), text(from.getFunction()), from.getLine()};
}

std::vector<Participant> DefinitionsReader::participants(
    capnp::List<schema::End::Participant>::Reader from) {
  std::vector<Participant> all;
  for (const auto participant : from) {
    if (!may_add(sizeof(Participant))) break;
    Participant& one = all.emplace_back();
    one.task = TaskId{participant.getTask()};
    one.label = text(participant.getLabel());
    one.text = text(participant.getText());
    one.site = place(participant.getSite());
    one.started_at = place(participant.getStartedAt());
    one.started_by = text(participant.getStartedBy());
  }
  return all;
}

void DefinitionsReader::read_finding(schema::End::Finding::Reader from,
                                     std::vector<Finding>& findings) {
  const auto kind = parse_finding_kind(view(from.getKind()));
  const auto certainty = parse_certainty(view(from.getCertainty()));
  if (!kind || !certainty) {
    warnings_.add("a finding of a kind that this version does not know was skipped");
    return;
  }

  Finding finding;
  finding.kind = *kind;
  finding.certainty = *certainty;
  finding.task = TaskId{from.getTask()};
  finding.object = ObjectId{from.getObject()};
  finding.summary = text(from.getSummary());
  for (const auto line : from.getReason()) finding.reason.push_back(text(line));
  for (const auto site : from.getSites()) {
    if (!may_add(sizeof(FindingSite))) break;
    finding.sites.push_back({text(site.getRole()), place(site)});
  }
  finding.participants = participants(from.getParticipants());
  finding.behind = participants(from.getBehind());
  findings.push_back(std::move(finding));
}

std::optional<Schedule> DefinitionsReader::read_schedule(schema::End::Schedule::Reader from) {
  const auto tasks = from.getTasks();
  const auto operations = from.getOperations();
  const auto choices = from.getChoices();
  if (tasks.size() != operations.size() ||
      !may_add(tasks.size() * sizeof(Segment) + choices.size() * sizeof(std::uint32_t)))
    return std::nullopt;
  Schedule schedule;
  for (unsigned i = 0; i < tasks.size(); ++i)
    schedule.segments.push_back({tasks[i], operations[i]});
  for (const std::uint32_t choice : choices) schedule.choices.push_back(choice);
  schedule.fingerprint = from.getFingerprint();
  schedule.rules.time_mode = from.getTimeAtQuiescence() ? TimeMode::kQuiescence : TimeMode::kChoice;
  schedule.rules.spawn_is_step = from.getSpawnIsStep();
  schedule.rules.unlock_is_step = from.getUnlockIsStep();
  schedule.rules.end_is_step = from.getEndIsStep();
  return schedule;
}

std::optional<Deed> DefinitionsReader::read_deed(schema::End::Deed::Reader from,
                                                 std::size_t tasks) {
  if (!may_add(sizeof(Deed)) || from.getTask() >= tasks) return std::nullopt;
  return Deed{.step = from.getStep(),
              .task = from.getTask(),
              .text = text(from.getText()),
              .site = place(from.getSite()),
              .preempted = text(from.getPreempted())};
}

std::optional<Explanation> DefinitionsReader::read_explanation(
    schema::End::Explanation::Reader from) {
  Explanation explanation;
  for (const auto task : from.getTasks()) {
    if (!may_add(sizeof(std::string))) return std::nullopt;
    explanation.tasks.push_back(text(task));
  }
  for (const auto each : from.getDeeds()) {
    auto deed = read_deed(each, explanation.tasks.size());
    if (!deed) return std::nullopt;
    explanation.deeds.push_back(std::move(*deed));
  }
  for (const auto order : from.getOrders()) {
    auto first = read_deed(order.getFirst(), explanation.tasks.size());
    auto second = read_deed(order.getSecond(), explanation.tasks.size());
    if (!first || !second) return std::nullopt;
    explanation.orders.push_back(
        {std::move(*first), std::move(*second), order.getFailed(), order.getSchedules()});
  }
  for (const auto choice : from.getChoices()) {
    auto deed = read_deed(choice.getDeed(), explanation.tasks.size());
    if (!deed) return std::nullopt;
    explanation.choices.push_back(
        {std::move(*deed), text(choice.getOutcome()), choice.getFailed(), choice.getSchedules()});
  }
  explanation.failed_nearby = from.getFailedNearby();
  explanation.nearby = from.getNearby();
  explanation.decided_at = from.getDecidedAt();
  explanation.continuations = from.getContinuations();
  if (explanation.decided_at > explanation.deeds.size()) return std::nullopt;
  return explanation;
}

void DefinitionsReader::read_end(schema::End::Reader from) {
  TraceEnd end;
  end.passed = from.getPassed();
  end.ended_ticks = from.getEndedTicks();
  end.ticks_per_second = from.getTicksPerSecond();
  end.foreign_threads = from.getForeignThreads();
  end.body_ended = from.getBodyEnded();
  if (from.hasSchedule()) end.schedule = read_schedule(from.getSchedule());
  if (from.hasExplanation()) {
    end.explanation = read_explanation(from.getExplanation());
    if (!end.explanation) warnings_.add("an explanation that contradicts itself was skipped");
  }
  for (const auto finding : from.getFindings()) {
    if (!may_add(sizeof(Finding))) break;
    read_finding(finding, end.findings);
  }
  trace_.end = std::move(end);
}

Trace DefinitionsReader::take() {
  sort_by_id(trace_.tasks);
  sort_by_id(trace_.objects);
  sort_by_id(trace_.stacks);
  // Modules have no ids; a log that was flushed by a dying process gives them twice.
  std::vector<ModuleInfo> modules;
  for (ModuleInfo& module : trace_.modules)
    if (std::find(modules.begin(), modules.end(), module) == modules.end())
      modules.push_back(std::move(module));
  trace_.modules = std::move(modules);
  return std::exchange(trace_, {});
}

}  // namespace chantrace::detail
