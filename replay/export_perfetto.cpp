#include <protozero/pbf_builder.hpp>

#include <unordered_map>
#include <unordered_set>

#include "export_formats.h"
#include "tracks.h"

namespace chantrace::replay {

using view::kNoLane;
using view::Lane;
namespace {

// Fields, by message.
//
// Source: protos/perfetto/trace/trace_packet.proto, protos/perfetto/trace/interned_data and
// protos/perfetto/trace/track_event of https://github.com/google/perfetto.

using protozero::pbf_tag_type;

enum class TraceField : pbf_tag_type { kPacket = 1 };

enum class PacketField : pbf_tag_type {
  kTimestamp = 8,
  kTrustedPacketSequenceId = 10,
  kTrackEvent = 11,
  kInternedData = 12,
  kSequenceFlags = 13,
  kTrackDescriptor = 60,
};

enum class InternedField : pbf_tag_type {
  kEventCategories = 1,
  kEventNames = 2,
  kDebugAnnotationNames = 3,
};

enum class EntryField : pbf_tag_type { kId = 1, kName = 2 };

enum class TrackField : pbf_tag_type {
  kUuid = 1,
  kName = 2,
  kProcess = 3,
  kThread = 4,
  kParentUuid = 5,
  kCounter = 8,
};

enum class ProcessField : pbf_tag_type { kPid = 1, kCmdline = 2, kProcessName = 6 };

enum class ThreadField : pbf_tag_type { kPid = 1, kTid = 2, kThreadName = 5 };

enum class CounterField : pbf_tag_type { kUnit = 3 };

enum class EventField : pbf_tag_type {
  kCategoryIds = 3,
  kDebugAnnotations = 4,
  kType = 9,
  kNameId = 10,
  kTrackUuid = 11,
  kName = 23,
  kCounterValue = 30,
  kFlowIds = 47,
  kTerminatingFlowIds = 48,
};

enum class AnnotationField : pbf_tag_type { kNameId = 1, kUintValue = 3, kStringValue = 6 };

constexpr std::uint32_t kSequenceId = 1;
constexpr std::uint32_t kIncrementalStateCleared = 1;
constexpr std::uint32_t kNeedsIncrementalState = 2;
constexpr std::int32_t kUnitCount = 2;

constexpr std::uint64_t kProcessTrack = 1;
constexpr std::uint64_t kFirstLaneTrack = 2;
constexpr std::uint64_t kFirstCounterTrack = std::uint64_t{1} << 33;

/// Names of events that get a number; others stand as they are. Those with a duration in them may
/// all differ.
constexpr std::size_t kInternedMax = 100'000;

template <typename Field>
using Message = protozero::pbf_builder<Field>;

/// Texts that a packet writes once and refers to by number.
class Interned {
 public:
  /// 0: there are too many of them.
  std::uint64_t number(std::string_view text) {
    const auto found = numbers_.find(std::string(text));
    if (found != numbers_.end()) return found->second;
    if (numbers_.size() == kInternedMax) return 0;
    const std::uint64_t number = numbers_.size() + 1;
    numbers_.emplace(text, number);
    fresh_.emplace_back(number, text);
    return number;
  }

  bool has_fresh() const { return !fresh_.empty(); }

  /// Those that no packet has yet.
  void write_fresh(Message<InternedField>& data, InternedField field) {
    for (const auto& [number, text] : fresh_) {
      Message<EntryField> entry(data, field);
      entry.add_uint64(EntryField::kId, number);
      entry.add_string(EntryField::kName, text);
    }
    fresh_.clear();
  }

 private:
  std::unordered_map<std::string, std::uint64_t> numbers_;
  std::vector<std::pair<std::uint64_t, std::string>> fresh_;
};

std::int32_t type_of(const Mark& mark) {
  switch (mark.kind) {
    case Mark::Kind::kSliceBegin:
      return 1;
    case Mark::Kind::kSliceEnd:
      return 2;
    case Mark::Kind::kInstant:
      return 3;
    case Mark::Kind::kCounter:
      return 4;
  }
  return 0;
}

class PerfettoWriter {
 public:
  PerfettoWriter(const Tracks& tracks, const LineSink& sink) : tracks_(tracks), sink_(sink) {}

  bool write_tracks() {
    if (!write_process()) return false;
    for (std::uint32_t lane = 0; lane < tracks_.lanes().size(); ++lane)
      if (!write_thread(lane)) return false;
    return true;
  }

  bool write(const Mark& mark) {
    const bool is_counter = mark.kind == Mark::Kind::kCounter;
    if (is_counter && !write_counter_once(mark)) return false;
    // What is new is looked up before its packet: parts of a message are written one at a time.
    const std::uint64_t name = is_counter || mark.name.empty() ? 0 : names_.number(mark.name);
    const std::uint64_t category = mark.category.empty() ? 0 : categories_.number(mark.category);
    const std::uint64_t for_ever = mark.is_for_ever ? categories_.number("blocked") : 0;
    std::vector<std::uint64_t> fact_names;
    for (const Fact& fact : mark.facts) fact_names.push_back(annotations_.number(fact.name));

    return write_packet([&](Message<PacketField>& packet) {
      packet.add_uint64(PacketField::kTimestamp, mark.time_ns);
      write_interned(packet);
      Message<EventField> event(packet, PacketField::kTrackEvent);
      event.add_int32(EventField::kType, type_of(mark));
      event.add_uint64(EventField::kTrackUuid,
                       is_counter ? kFirstCounterTrack + mark.track : track_of(mark.track));
      if (is_counter) event.add_int64(EventField::kCounterValue, mark.count);
      if (category != 0) event.add_uint64(EventField::kCategoryIds, category);
      if (for_ever != 0) event.add_uint64(EventField::kCategoryIds, for_ever);
      if (name != 0)
        event.add_uint64(EventField::kNameId, name);
      else if (!is_counter && !mark.name.empty())
        event.add_string(EventField::kName, mark.name);
      for (std::size_t index = 0; index < fact_names.size(); ++index)
        write_fact(event, mark.facts[index], fact_names[index]);
      for (const FlowEnd& flow : mark.flows_from_here)
        event.add_fixed64(EventField::kFlowIds, flow.id);
      for (const FlowEnd& flow : mark.flows_to_here)
        event.add_fixed64(EventField::kTerminatingFlowIds, flow.id);
    });
  }

 private:
  static std::uint64_t track_of(std::uint32_t lane) {
    return lane == kNoLane ? kProcessTrack : kFirstLaneTrack + lane;
  }

  template <typename Fill>
  bool write_packet(const Fill& fill) {
    buffer_.clear();
    {
      Message<TraceField> trace(buffer_);
      Message<PacketField> packet(trace, TraceField::kPacket);
      packet.add_uint32(PacketField::kTrustedPacketSequenceId, kSequenceId);
      packet.add_uint32(PacketField::kSequenceFlags,
                        is_first_ ? kIncrementalStateCleared : kNeedsIncrementalState);
      fill(packet);
    }
    is_first_ = false;
    return sink_(buffer_);
  }

  void write_interned(Message<PacketField>& packet) {
    if (!names_.has_fresh() && !categories_.has_fresh() && !annotations_.has_fresh()) return;
    Message<InternedField> data(packet, PacketField::kInternedData);
    categories_.write_fresh(data, InternedField::kEventCategories);
    names_.write_fresh(data, InternedField::kEventNames);
    annotations_.write_fresh(data, InternedField::kDebugAnnotationNames);
  }

  static void write_fact(Message<EventField>& event, const Fact& fact, std::uint64_t name) {
    Message<AnnotationField> annotation(event, EventField::kDebugAnnotations);
    annotation.add_uint64(AnnotationField::kNameId, name);
    if (fact.is_number())
      annotation.add_uint64(AnnotationField::kUintValue, fact.number);
    else
      annotation.add_string(AnnotationField::kStringValue, fact.text);
  }

  bool write_process() {
    const TraceHeader& header = tracks_.trace().header;
    return write_packet([&](Message<PacketField>& packet) {
      Message<TrackField> track(packet, PacketField::kTrackDescriptor);
      track.add_uint64(TrackField::kUuid, kProcessTrack);
      Message<ProcessField> process(track, TrackField::kProcess);
      process.add_int32(ProcessField::kPid, static_cast<std::int32_t>(tracks_.process_number()));
      if (!header.program.empty()) process.add_string(ProcessField::kCmdline, header.program);
      for (const std::string& argument : header.arguments)
        process.add_string(ProcessField::kCmdline, argument);
      process.add_string(ProcessField::kProcessName, tracks_.title());
    });
  }

  bool write_thread(std::uint32_t lane) {
    return write_packet([&](Message<PacketField>& packet) {
      Message<TrackField> track(packet, PacketField::kTrackDescriptor);
      track.add_uint64(TrackField::kUuid, track_of(lane));
      track.add_uint64(TrackField::kParentUuid, kProcessTrack);
      Message<ThreadField> thread(track, TrackField::kThread);
      thread.add_int32(ThreadField::kPid, static_cast<std::int32_t>(tracks_.process_number()));
      thread.add_int32(ThreadField::kTid, static_cast<std::int32_t>(tracks_.thread_number(lane)));
      thread.add_string(ThreadField::kThreadName, tracks_.names().task(tracks_.lanes()[lane].task));
    });
  }

  /// The track of a counter, before its first value.
  bool write_counter_once(const Mark& mark) {
    if (!counters_.insert(mark.track).second) return true;
    return write_packet([&](Message<PacketField>& packet) {
      Message<TrackField> track(packet, PacketField::kTrackDescriptor);
      track.add_uint64(TrackField::kUuid, kFirstCounterTrack + mark.track);
      track.add_uint64(TrackField::kParentUuid, kProcessTrack);
      track.add_string(TrackField::kName, mark.name);
      Message<CounterField> counter(track, TrackField::kCounter);
      counter.add_int32(CounterField::kUnit, kUnitCount);
    });
  }

  const Tracks& tracks_;
  const LineSink& sink_;
  std::string buffer_;
  bool is_first_ = true;
  Interned names_;
  Interned categories_;
  Interned annotations_;
  std::unordered_set<std::uint32_t> counters_;
};

}  // namespace

void write_perfetto(const Trace& trace, std::string_view fallback_title, const LineSink& sink) {
  const Tracks tracks(trace, fallback_title);
  PerfettoWriter writer(tracks, sink);
  if (!writer.write_tracks()) return;
  tracks.for_each_mark([&](const Mark& mark) { return writer.write(mark); });
}

}  // namespace chantrace::replay
