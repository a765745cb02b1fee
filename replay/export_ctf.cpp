#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <set>
#include <system_error>

#include "export_formats.h"
#include "model/interleaving.h"
#include "model/naming.h"
#include "moments.h"
#include "output.h"
#include "printable.h"

namespace chantrace::replay {

using view::event_at;
using view::Names;
namespace {

namespace fs = std::filesystem;

// Source: the Common Trace Format, version 1.8.3 (https://diamon.org/ctf/v1.8.3).

constexpr std::uint32_t kMagic = 0xc1fc1fc1;
/// A packet is closed when it has as much.
constexpr std::size_t kPacketBytes = 256 * 1024;
/// Of a packet's head: what `kTypes` declares as its header and its context.
constexpr std::size_t kPacketHeadBytes = 2 * 4 + 5 * 8;

constexpr std::string_view kTypes = R"(/* CTF 1.8 */

typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
typealias integer { size = 16; align = 8; signed = false; } := uint16_t;
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
typealias integer { size = 64; align = 8; signed = true; } := int64_t;

trace {
  major = 1;
  minor = 8;
  byte_order = le;
  packet.header := struct {
    uint32_t magic;
    uint32_t stream_id;
  };
};
)";

constexpr std::string_view kStream = R"(
typealias integer {
  size = 64; align = 8; signed = false;
  map = clock.trace_clock.value;
} := moment_t;

stream {
  id = 0;
  packet.context := struct {
    moment_t timestamp_begin;
    moment_t timestamp_end;
    uint64_t content_size;
    uint64_t packet_size;
    uint64_t events_discarded;
  };
  event.header := struct {
    uint8_t id;
    moment_t timestamp;
  };
};
)";

/// `text` between quotation marks in the metadata.
std::string in_quotes(std::string_view text) {
  std::string safe = "\"";
  for (const char c : detail::printable(text, detail::Charset::kAscii)) {
    if (c == '"' || c == '\\') safe += '\\';
    safe += c;
  }
  return safe + '"';
}

std::string record_type() {
  std::string outcomes;
  for (std::uint8_t number = 0; number <= static_cast<std::uint8_t>(Outcome::kForeign); ++number) {
    outcomes += fmt::format("{}\"{}\" = {}", number == 0 ? "" : ", ",
                            to_string(static_cast<Outcome>(number)), number);
  }
  return fmt::format(R"(
struct record {{
  uint64_t step;
  uint32_t task_id;
  string task;
  enum : uint8_t {{ "start" = 1, "done" = 2, "both" = 3 }} phase;
  enum : uint8_t {{ {} }} outcome;
  uint32_t object_id;
  string object;
  uint32_t sequence;
  string value;
  int64_t number;
  uint16_t detail;
  string file;
  uint32_t line;
  string function;
}};
)",
                     outcomes);
}

std::string metadata_of(const Trace& trace) {
  const TraceHeader& header = trace.header;
  std::string text{kTypes};
  text += fmt::format(
      "\nenv {{\n  tracer_name = \"chantrace\";\n  trace_name = {};\n  program = {};\n}};\n",
      in_quotes(header.test), in_quotes(header.program));
  // A controlled run has no time of day, and readers add it to nanoseconds in signed numbers.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  const bool has_day = !header.is_controlled && header.started_unix_ns < kMost;
  const std::uint64_t day_ns = has_day ? header.started_unix_ns : 0;
  text += fmt::format(
      "\nclock {{\n  name = trace_clock;\n  description = {};\n  freq = 1000000000;\n"
      "  offset_s = {};\n  offset = {};\n}};\n",
      in_quotes(header.is_controlled ? "steps of a controlled run, 1 us each"
                                     : "nanoseconds since the recording began"),
      day_ns / 1'000'000'000, day_ns % 1'000'000'000);
  text += kStream;
  text += record_type();

  std::set<Operation> operations;
  for (const TaskStream& stream : trace.streams)
    for (const EventRecord& event : stream.events) operations.insert(event.operation);
  for (const Operation operation : operations) {
    std::string name(to_string(operation));
    if (name == to_string(Operation{0xff}))
      name += fmt::format(" {}", static_cast<unsigned>(operation));
    text += fmt::format(
        "\nevent {{\n  id = {};\n  stream_id = 0;\n  name = {};\n"
        "  fields := struct record;\n}};\n",
        static_cast<unsigned>(operation), in_quotes(name));
  }
  return text;
}

/// Bytes in the order that the metadata says, whatever this machine's is.
template <std::unsigned_integral Number>
void put(std::string& bytes, Number number) {
  for (std::size_t index = 0; index < sizeof(Number); ++index)
    bytes += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * index) & 0xff);
}

/// Up to its first zero, which ends it.
void put(std::string& bytes, std::string_view text) {
  bytes += text.substr(0, text.find('\0'));
  bytes += '\0';
}

class StreamWriter {
 public:
  StreamWriter(const Trace& trace, Output& out)
      : trace_(trace), names_(trace), out_(out), next_gap_(trace.streams.size()) {}

  void write() {
    const TraceOrder order = order_events(trace_);
    // What is lost before a packet shows in the difference to the one before it.
    write_packet();
    for (const EventPlace& place : order.places) {
      if (out_.is_closed()) return;
      skip_lost(place.stream, place.index);
      add(place);
      if (body_.size() >= kPacketBytes) write_packet();
    }
    end_ns_ = std::max(end_ns_, moments_.end(trace_));
    for (std::size_t stream = 0; stream < trace_.streams.size(); ++stream)
      skip_lost(stream, UINT64_MAX);
    write_packet();
  }

 private:
  void skip_lost(std::size_t stream, std::uint64_t index) {
    const std::vector<Gap>& gaps = trace_.streams[stream].gaps;
    std::uint64_t lost = 0;
    for (std::size_t& next = next_gap_[stream]; next < gaps.size() && gaps[next].before <= index;
         ++next)
      lost += gaps[next].count;
    if (lost == 0) return;
    if (!body_.empty()) write_packet();
    lost_count_ += lost;
  }

  void add(const EventPlace& place) {
    const EventRecord& event = event_at(trace_, place);
    end_ns_ = moments_.next(event);
    if (body_.empty()) begin_ns_ = end_ns_;
    const TaskId task = trace_.streams[place.stream].task;
    const Site& site = trace_.site(SiteId{event.site});
    put(body_, static_cast<std::uint8_t>(event.operation));
    put(body_, end_ns_);
    put(body_, ++step_);
    put(body_, to_number(task));
    put(body_, std::string_view(names_.task(task)));
    put(body_, static_cast<std::uint8_t>(phase_of(event)));
    put(body_, static_cast<std::uint8_t>(outcome_of(event)));
    put(body_, event.object);
    put(body_, object_of(event));
    put(body_, event.sequence);
    put(body_, std::string_view(detail::shown(format_value(trace_, event))));
    put(body_, event.value);
    put(body_, event.detail);
    put(body_, std::string_view(site.file));
    put(body_, site.line);
    put(body_, std::string_view(site.function));
  }

  std::string_view object_of(const EventRecord& event) const {
    if (event.object == 0) return {};
    return is_on_task(event.operation) ? names_.task(TaskId{event.object})
                                       : names_.object(ObjectId{event.object});
  }

  void write_packet() {
    if (body_.empty()) begin_ns_ = end_ns_;
    std::string head;
    put(head, kMagic);
    put(head, std::uint32_t{0});
    put(head, begin_ns_);
    put(head, end_ns_);
    const std::uint64_t bits = (kPacketHeadBytes + body_.size()) * 8;
    put(head, bits);
    put(head, bits);
    put(head, lost_count_);
    out_.write(head);
    out_.write(body_);
    body_.clear();
  }

  const Trace& trace_;
  const Names names_;
  Output& out_;
  Moments moments_{trace_};
  std::vector<std::size_t> next_gap_;  ///< By stream.
  std::string body_;                   ///< Events of the packet that is being made.
  std::uint64_t begin_ns_ = 0;         ///< Of its first event,
  std::uint64_t end_ns_ = 0;           ///< and of its last.
  std::uint64_t step_ = 0;
  std::uint64_t lost_count_ = 0;
};

/// What stands in the way of a trace in `folder`, in words: readers take every file in it for a
/// stream.
std::string make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error && !fs::is_directory(folder)) return error.message();
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator{};
       entry.increment(error)) {
    const fs::path name = entry->path().filename();
    if (name != kCtfMetadata && name != kCtfStream)
      return "there are other files in it; name a folder that is new, or empty";
  }
  return error ? error.message() : "";
}

}  // namespace

std::string write_ctf(const Trace& trace, const fs::path& folder) {
  std::string error = make_folder(folder);
  if (!error.empty()) return error;
  error = write_file(folder / kCtfMetadata, [&](Output& out) { out.write(metadata_of(trace)); });
  if (!error.empty()) return error;
  return write_file(folder / kCtfStream, [&](Output& out) { StreamWriter(trace, out).write(); });
}

}  // namespace chantrace::replay
