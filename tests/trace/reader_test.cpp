#include <capnp/serialize.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "chantrace/detail/spool.h"
#include "chantrace/trace.h"
#include "compact.h"
#include "encode.h"
#include "recording.h"
#include "support/temporary_folder.h"
#include "trace.capnp.h"

namespace chantrace {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void append(Bytes& to, const Bytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

/// A message that `fill` makes out of a `schema::Message::Builder`.
template <typename Fill>
Bytes message(Fill fill) {
  capnp::MallocMessageBuilder builder;
  fill(builder.initRoot<schema::Message>());
  Bytes bytes;
  detail::append_message(builder, bytes);
  return bytes;
}

Bytes header() { return detail::encode_header(test_header()); }

struct Events {
  TaskId task;
  std::uint64_t first_index;
  std::uint64_t count;
};

/// A chunk as a recorder writes it, of events `numbered_event`.
Bytes chunk(const Events& events, std::uint64_t lost_before = 0) {
  std::vector<std::uint64_t> words((sizeof(detail::Chunk) + (events.count + 1) * 32) / 8);
  auto& made = *detail::make_chunk(std::as_writable_bytes(std::span(words)), events.task,
                                   events.first_index, lost_before);
  for (std::uint64_t i = 0; i < events.count; ++i)
    made.events()[i] = numbered_event(events.task, events.first_index + i);
  made.count.store(static_cast<std::uint32_t>(events.count));
  const auto sealed = detail::seal(made);
  return {sealed.begin(), sealed.end()};
}

Bytes trace_of(std::initializer_list<Bytes> messages) {
  Bytes bytes = header();
  for (const Bytes& one : messages) append(bytes, one);
  return bytes;
}

Trace read(const Bytes& bytes, const ReadLimits& limits = {}) {
  auto trace = from_bytes(bytes, limits);
  EXPECT_TRUE(trace.has_value()) << trace.error().to_string();
  return trace.has_value() ? std::move(trace).value() : Trace{};
}

void expect_events(const Trace& trace, std::uint64_t count) {
  ASSERT_EQ(trace.streams.size(), 1u);
  const TaskStream& stream = trace.streams[0];
  ASSERT_EQ(stream.events.size(), count);
  EXPECT_THAT(stream.gaps, testing::IsEmpty());
  for (std::uint64_t i = 0; i < count; ++i)
    ASSERT_EQ(stream.events[i], numbered_event(stream.task, i)) << "event " << i;
}

struct Refusal {
  const char* name;
  Bytes bytes;
  const char* reason;
};

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, SaysWhatWasExpectedAndWhatToDo) {
  const auto trace = from_bytes(GetParam().bytes);

  ASSERT_FALSE(trace.has_value());
  EXPECT_THAT(trace.error().reason, testing::HasSubstr(GetParam().reason));
  EXPECT_THAT(trace.error().reason, testing::HasSubstr("; "));
}

Bytes cut_header() {
  Bytes bytes = header();
  bytes.resize(bytes.size() - 8);
  return bytes;
}

Bytes header_of_version(std::uint32_t version) {
  TraceHeader made = test_header();
  made.format_version = version;
  return detail::encode_header(made);
}

Bytes header_with_bad_pointer() {
  Bytes bytes = header();
  bytes[24] = std::byte{0xfc};
  bytes[25] = std::byte{0xff};
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    , RefusalTest,
    testing::Values(Refusal{"Empty", {}, "ended before it wrote anything"},
                    Refusal{"Short", bytes_of("abc"), "cut off within its header"},
                    Refusal{"Zeros", Bytes(4096), "this is not a trace"},
                    Refusal{"Elf",
                            bytes_of("\x7f"
                                     "ELF and so on, for a while"),
                            "it begins with 7f 45 4c 46"},
                    Refusal{"Json", bytes_of("{\"traceEvents\": []}        "), "not a trace"},
                    Refusal{"CutOff", cut_header(), "cut off within its header"},
                    Refusal{"NoHeaderFirst", chunk({TaskId{1}, 0, 3}), "expected a header"},
                    Refusal{"NoVersion", header_of_version(0), "no format version"},
                    Refusal{"LaterVersion", header_of_version(2), "format version 2"},
                    Refusal{"DamagedHeader", header_with_bad_pointer(), "header is damaged"}),
    [](const auto& test) { return test.param.name; });

TEST(ReaderTest, NamesTheFileThatItCannotOpen) {
  const auto trace = read_trace("/nowhere/trace");

  ASSERT_FALSE(trace.has_value());
  EXPECT_EQ(trace.error().to_string(),
            "/nowhere/trace: cannot open the trace: No such file or directory");
}

TEST(ReaderTest, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);

  EXPECT_FALSE(read_trace(folder.path()).has_value());
  EXPECT_FALSE(read_trace(folder.file("pipe")).has_value());
}

TEST(ReaderTest, JoinsChunksInAnyOrder) {
  const Trace trace = read(trace_of(
      {chunk({TaskId{1}, 30, 10}), chunk({TaskId{1}, 0, 10}), chunk({TaskId{1}, 10, 20})}));

  expect_events(trace, 40);
  EXPECT_THAT(trace.warnings, testing::IsEmpty());
}

TEST(ReaderTest, TakesEachEventOnce) {
  const Trace trace = read(trace_of({chunk({TaskId{1}, 0, 10}), chunk({TaskId{1}, 0, 25}),
                                     chunk({TaskId{1}, 0, 10}), chunk({TaskId{1}, 20, 10})}));

  expect_events(trace, 30);
}

TEST(ReaderTest, SortsStreamsAndDefinitions) {
  const Trace trace = read(trace_of({chunk({TaskId{9}, 0, 1}), chunk({TaskId{2}, 0, 1}),
                                     detail::encode_task({.id = TaskId{9}, .label = "nine"}),
                                     detail::encode_task({.id = TaskId{2}, .label = "two"})}));

  ASSERT_EQ(trace.streams.size(), 2u);
  EXPECT_EQ(trace.streams[0].task, TaskId{2});
  ASSERT_EQ(trace.tasks.size(), 2u);
  EXPECT_EQ(trace.tasks[0].label, "two");
}

TEST(ReaderTest, TakesTheLastOfSeveralDefinitions) {
  const Trace trace = read(trace_of({detail::encode_task({.id = TaskId{1}, .label = "first"}),
                                     detail::encode_task({.id = TaskId{1}, .label = "last"})}));

  ASSERT_EQ(trace.tasks.size(), 1u);
  EXPECT_EQ(trace.find_task(TaskId{1})->label, "last");
  EXPECT_EQ(trace.find_task(TaskId{2}), nullptr);
}

TEST(ReaderTest, CountsWhatWasLostWhenRecorded) {
  const Trace trace = read(trace_of(
      {chunk({TaskId{1}, 5, 10}, 5), chunk({TaskId{1}, 20, 10}, 5), chunk({TaskId{1}, 33, 0}, 3)}));

  ASSERT_EQ(trace.streams.size(), 1u);
  EXPECT_THAT(trace.streams[0].gaps, testing::ElementsAre(Gap{0, 5}, Gap{10, 5}, Gap{20, 3}));
  EXPECT_EQ(trace.lost_count(), 13u);
  EXPECT_EQ(trace.events_count(), 20u);
  EXPECT_THAT(trace.warnings, testing::IsEmpty());
}

TEST(ReaderTest, WarnsOfAChunkThatIsMissing) {
  const Trace trace = read(trace_of({chunk({TaskId{1}, 0, 10}), chunk({TaskId{1}, 20, 10})}));

  EXPECT_THAT(trace.streams.at(0).gaps, testing::ElementsAre(Gap{10, 10}));
  EXPECT_THAT(trace.warnings, testing::ElementsAre(testing::HasSubstr("10 events are missing")));
}

TEST(ReaderTest, RefusesNumbersThatCannotBe) {
  const Trace trace = read(trace_of({chunk({TaskId{0}, 0, 1}), chunk({TaskId{1}, ~0ull, 1}),
                                     chunk({TaskId{1}, 3, 1}, 4), chunk({TaskId{2}, 0, 1})}));

  ASSERT_EQ(trace.streams.size(), 1u);
  EXPECT_EQ(trace.streams[0].task, TaskId{2});
  EXPECT_EQ(trace.warnings.size(), 3u);
}

TEST(ReaderTest, ReadsUpToWhereTheFileWasCutOff) {
  const Bytes whole = trace_of({chunk({TaskId{1}, 0, 10}), chunk({TaskId{1}, 10, 10})});

  for (std::size_t cut = 1; cut < 10 * sizeof(EventRecord); ++cut) {
    Bytes bytes = whole;
    bytes.resize(whole.size() - cut);
    const Trace trace = read(bytes);

    const std::size_t lost = (cut + sizeof(EventRecord) - 1) / sizeof(EventRecord);
    expect_events(trace, 20 - lost);
    EXPECT_EQ(trace.warnings.size(), 1u);
    EXPECT_TRUE(trace.is_incomplete());
  }
}

TEST(ReaderTest, GoesOnBehindDamage) {
  Bytes bytes = header();
  append(bytes, chunk({TaskId{1}, 0, 10}));
  const std::size_t damaged = bytes.size();
  append(bytes, chunk({TaskId{1}, 10, 10}));
  append(bytes, chunk({TaskId{1}, 20, 10}));
  for (std::size_t i = 0; i < 16; ++i) bytes[damaged + i] = std::byte{0xff};

  const Trace trace = read(bytes);

  EXPECT_THAT(trace.streams.at(0).gaps, testing::ElementsAre(Gap{10, 10}));
  EXPECT_EQ(trace.events_count(), 20u);
  EXPECT_THAT(trace.warnings,
              testing::Contains(testing::HasSubstr("at byte " + std::to_string(damaged))));
}

TEST(ReaderTest, SkipsMessagesAndValuesOfLaterVersions) {
  Bytes unknown = message([](schema::Message::Builder to) { to.initHeader(); });
  unknown[16] = std::byte{77};  // The member of the union.
  TraceEnd end;
  Finding known;
  known.kind = FindingKind::kLeaked;
  end.findings = {known};
  Bytes other_finding = message([&](schema::Message::Builder to) {
    auto findings = to.initEnd().initFindings(2);
    findings[0].setKind("something_new");
    findings[0].setCertainty("certain");
    findings[1].setKind("leaked");
    findings[1].setCertainty("note");
  });

  const Trace trace = read(trace_of({unknown, chunk({TaskId{1}, 0, 3}), other_finding}));

  expect_events(trace, 3);
  ASSERT_TRUE(trace.end.has_value());
  ASSERT_EQ(trace.end->findings.size(), 1u);
  EXPECT_EQ(trace.end->findings[0].certainty, Certainty::kNote);
}

TEST(ReaderTest, ReadsChunksOfOtherLayouts) {
  const Bytes other = message([](schema::Message::Builder to) {
    auto made = to.initChunk();
    auto events = made.initEvents(10);  // Room for more than there are.
    made.setTask(1);
    made.setCount(2);
    for (unsigned i = 0; i < 2; ++i) {
      const EventRecord event = numbered_event(TaskId{1}, i);
      events[i].setTime(event.time);
      events[i].setValue(event.value);
      events[i].setObject(event.object);
      events[i].setSequence(event.sequence);
      events[i].setSite(event.site);
      events[i].setOperation(static_cast<std::uint8_t>(event.operation));
      events[i].setFlags(event.flags);
      events[i].setDetail(event.detail);
    }
  });

  expect_events(read(trace_of({other})), 2);
}

TEST(ReaderTest, TakesNoMoreEventsThanAllowed) {
  const Bytes bytes = trace_of({chunk({TaskId{1}, 0, 10}), chunk({TaskId{1}, 10, 10})});

  EXPECT_EQ(read(bytes, {.events_max = 20}).events_count(), 20u);
  const Trace trace = read(bytes, {.events_max = 19});
  EXPECT_EQ(trace.events_count(), 10u);
  EXPECT_THAT(trace.warnings, testing::ElementsAre(testing::HasSubstr("more than 19 events")));
}

TEST(ReaderTest, TakesNoMoreDefinitionsThanAllowed) {
  const Bytes bytes = trace_of({detail::encode_task({.id = TaskId{1}, .label = "a"}),
                                detail::encode_task({.id = TaskId{2}, .label = "b"})});

  EXPECT_EQ(read(bytes, {.definitions_max = 2}).tasks.size(), 2u);
  EXPECT_EQ(read(bytes, {.definitions_max = 1}).tasks.size(), 1u);
}

TEST(ReaderTest, CutsLongTexts) {
  const Bytes bytes = trace_of({detail::encode_text(1, "12345é"), detail::encode_text(2, "1234")});

  const Trace trace = read(bytes, {.text_bytes_max = 6});

  EXPECT_EQ(trace.texts.at(1), "12345");
  EXPECT_EQ(trace.texts.at(2), "1234");
}

TEST(ReaderTest, RefusesLargerFilesThanAllowed) {
  const Bytes bytes = trace_of({});

  EXPECT_TRUE(from_bytes(bytes, {.file_bytes_max = bytes.size()}).has_value());
  EXPECT_FALSE(from_bytes(bytes, {.file_bytes_max = bytes.size() - 1}).has_value());
}

TEST(ReaderTest, AllocatesNothingByNumbersAlone) {
  detail::Compressor compressor;
  Bytes bomb;
  compressor.compress(Bytes(3 << 20), 0, bomb);  // A million events of three bytes in 100 bytes.
  const Bytes bytes = trace_of({message([&](schema::Message::Builder to) {
    auto made = to.initCompactChunk();
    made.setTask(1);
    made.setCount(1 << 20);
    made.setEncoding(2);
    made.setRawBytes(3 << 20);
    made.setData(kj::arrayPtr(reinterpret_cast<const kj::byte*>(bomb.data()), bomb.size()));
  })});

  const Trace trace = read(bytes);

  EXPECT_EQ(trace.events_count(), 0u);
  EXPECT_THAT(trace.warnings, testing::ElementsAre(testing::HasSubstr("impossible sizes")));
}

TEST(ReaderTest, ReadsEventsThatCompressWell) {
  Trace trace;
  trace.header = test_header();
  TaskStream stream{.task = TaskId{1}, .events = {}, .gaps = {}};
  for (std::uint64_t i = 0; i < 100'000; ++i)
    stream.events.push_back({.time = i << 40, .value = i % 2 << 60, .object = 1});
  trace.streams.push_back(std::move(stream));

  const Bytes bytes = to_bytes(trace);

  // One byte an event is the least that a reader takes.
  EXPECT_GE(bytes.size(), 100'000u);
  EXPECT_LE(bytes.size(), 110'000u);
  EXPECT_EQ(read(bytes), trace);
}

TEST(ReaderTest, SanitizesText) {
  const Trace trace = read(trace_of({detail::encode_text(1, std::string_view("a\0b\xff\xc3", 5)),
                                     detail::encode_site(SiteId{1}, "f\xed\xa0\x80", "", 1)}));

  EXPECT_EQ(trace.texts.at(1),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(trace.site(SiteId{1}).file, "f\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(ReaderTest, TellsHowFarItIs) {
  const TemporaryFolder folder;
  Trace trace;
  trace.header = test_header();
  TaskStream stream{.task = TaskId{1}, .events = {}, .gaps = {}};
  for (std::uint64_t i = 0; i < 1'000'000; ++i)
    stream.events.push_back({.time = i * i * 7919, .value = i * i * i, .object = 1});
  trace.streams.push_back(std::move(stream));
  ASSERT_FALSE(write_trace(trace, folder.file("trace")).has_value());
  std::vector<std::uint64_t> told;

  const auto read_back = read_trace(folder.file("trace"), {}, [&](auto done, auto total) {
    EXPECT_EQ(total, std::filesystem::file_size(folder.file("trace")));
    told.push_back(done);
  });

  EXPECT_TRUE(read_back.has_value());
  EXPECT_GT(told.size(), 2u);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), std::filesystem::file_size(folder.file("trace")));
}

TEST(WriterTest, ReplacesAFileAndRespectsTheMask) {
  const TemporaryFolder folder;
  const auto path = folder.file("trace");
  std::ofstream(path) << "old";
  std::ofstream(folder.file("trace.spool")) << "old";
  Trace trace;
  trace.header = test_header();
  const mode_t mask = ::umask(027);

  const auto error = write_trace(trace, path);
  ::umask(mask);

  EXPECT_FALSE(error.has_value());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  EXPECT_EQ(read_trace(path).value(), trace);
  const auto files = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  EXPECT_EQ(files, 1);
}

TEST(WriterTest, SaysWhyItCannotWriteAndLeavesNothing) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("taken"));

  const auto no_folder = write_trace({}, folder.file("missing") / "trace");
  const auto no_file = write_trace({}, folder.file("taken"));

  ASSERT_TRUE(no_folder.has_value());
  EXPECT_THAT(no_folder->to_string(), testing::HasSubstr("No such file or directory"));
  EXPECT_TRUE(no_file.has_value());
  const auto files = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  EXPECT_EQ(files, 1);
}

}  // namespace
}  // namespace chantrace
