// A program that shows itself: this one.
#include "live/live_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/trace.h"
#include "support/crossed_locks.h"
#include "support/until_parked.h"
#include "view/client.h"

namespace chantrace::view {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

/// Gives events to a server as the sink "web" does, of which one cannot know the port.
class ForwardingSink final : public Sink {
 public:
  explicit ForwardingSink(LiveServer& server) : server_(server) {}
  void handle(const Event& event) override { server_.add(event); }
  void close() override { server_.finish(std::chrono::seconds(60)); }

 private:
  LiveServer& server_;
};

/// An event of a stream.
struct StreamEvent {
  std::string type = "message";
  std::string id;
  json data;
};

std::vector<StreamEvent> parse_stream(std::string_view text) {
  std::vector<StreamEvent> events;
  text.remove_prefix(text.find("\r\n\r\n") + 4);
  for (std::size_t end; (end = text.find("\n\n")) != std::string_view::npos;) {
    std::string_view block = text.substr(0, end);
    text.remove_prefix(end + 2);
    StreamEvent event;
    while (!block.empty()) {
      const std::string_view line = block.substr(0, block.find('\n'));
      block.remove_prefix(std::min(line.size() + 1, block.size()));
      if (line.starts_with("event: ")) event.type = line.substr(7);
      if (line.starts_with("id: ")) event.id = line.substr(4);
      if (line.starts_with("data: ")) event.data = json::parse(line.substr(6));
    }
    if (!event.data.is_null()) events.push_back(std::move(event));
  }
  return events;
}

/// What a stream has had, and been told that it has not.
struct Account {
  std::uint64_t had = 0;
  std::uint64_t skipped = 0;
  std::string last;  ///< The type of its last event.
};

Account account_of(const std::string& stream) {
  Account account;
  for (const StreamEvent& event : parse_stream(stream)) {
    account.last = event.type;
    if (event.type == "skipped") {
      account.skipped += std::stoull(event.data["skipped"].get<std::string>());
    } else if (event.type == "message") {
      ++account.had;
      EXPECT_EQ(event.id, std::to_string(account.had + account.skipped));
    }
  }
  return account;
}

class LiveTest : public testing::Test {
 protected:
  LiveTest() {
    // Slow clients are dropped by no clock here, as a machine may be slow as well.
    auto started = LiveServer::start({.port = 0}, std::chrono::hours(1));
    if (!started.has_value()) throw std::runtime_error(started.error());
    server_ = std::move(started).value();
    address_ = parse_address(server_->address()).value();
    sink_ = std::make_shared<ForwardingSink>(*server_);
  }
  std::string get(const std::string& target) {
    auto got = fetch(address_, target, 100'000'000, std::chrono::seconds(60));
    return got.has_value() ? std::move(got).value() : "error: " + got.error().reason;
  }
  json debug(const std::string& what) { return json::parse(get("/debug/chantrace/" + what)); }
  /// One that has asked for `target`, and has read nothing yet.
  std::unique_ptr<Client> ask(const std::string& target, const std::string& more = "") {
    auto client = std::make_unique<Client>(address_.port);
    client->send("GET " + target + " HTTP/1.1\r\nHost: " + address_.host_and_port() + "\r\n" +
                 more + "\r\n");
    return client;
  }

  std::unique_ptr<LiveServer> server_;
  Address address_;
  std::shared_ptr<Sink> sink_;
};

TEST_F(LiveTest, AnswersWithWhatTheProgramDoes) {
  const Session session(Options{}.sink(sink_).lossless());
  const Channel<int> jobs("<jobs>", 4);
  const Channel<int> never("never");
  jobs.send(7);
  jobs.send(8);
  jobs.recv();
  const Task waiter = go("waiter", [=] { never.recv(); });
  until_parked("waiter");
  while (debug("report")["events"] == "0") std::this_thread::yield();

  const json channels = debug("channels");
  const json tasks = debug("tasks");
  const json report = debug("report");
  const json page = debug("events?n=2&after=2");
  const std::string document = get("/document");
  const std::string whole_page = get("/");
  never.close();
  waiter.join();

  ASSERT_THAT(channels, SizeIs(testing::Ge(2u)));
  EXPECT_EQ(channels[1]["name"], "<jobs>");
  EXPECT_EQ(channels[1]["buffer_size"], "1");
  EXPECT_EQ(channels[1]["buffer_capacity"], "4");
  const auto waiting = std::find_if(tasks["tasks"].begin(), tasks["tasks"].end(),
                                    [](const json& task) { return task["task"] == "waiter"; });
  ASSERT_NE(waiting, tasks["tasks"].end());
  EXPECT_EQ((*waiting)["status"], "waiting");
  EXPECT_EQ((*waiting)["waits"][0]["operation"], "recv");
  EXPECT_THAT(report["blocked"], testing::IsEmpty());  // It has not waited for 100 ms.
  EXPECT_EQ(report["events_lost"], "0");
  ASSERT_THAT(page["events"], SizeIs(2));
  EXPECT_EQ(page["events"][0]["number"], "3");
  EXPECT_EQ(page["events"][0]["operation"], "send");
  EXPECT_EQ(page["events"][0]["value"], "7");
  EXPECT_EQ(page["events"][0]["object"], "<jobs>");
  EXPECT_EQ(page["next"], "4");
  EXPECT_EQ(page["skipped"], "0");
  const json shown = json::parse(document);
  EXPECT_EQ(shown["verdict"], "running");
  EXPECT_EQ(shown["findings"], json::array());
  EXPECT_GE(shown["steps"]["task"].size(), 4u);
  EXPECT_THAT(whole_page, AllOf(StartsWith("<!doctype html>"), HasSubstr("\"live\":"),
                                HasSubstr("\\u003cjobs>")));
  EXPECT_THAT(get("/debug/chantrace/"), HasSubstr("href=\"/debug/chantrace/metrics\""));
}

TEST_F(LiveTest, ListsAreNeverNull) {
  EXPECT_EQ(debug("events")["events"], json::array());
  EXPECT_EQ(debug("tasks")["tasks"], json::array());
  EXPECT_EQ(debug("analysis")["blocked"], json::array());
  EXPECT_TRUE(debug("channels").is_array());
}

TEST_F(LiveTest, RefusesWhatIsNoNumber) {
  for (const std::string target :
       {"/debug/chantrace/events?n=x", "/debug/chantrace/events?n=0",
        "/debug/chantrace/events?n=-1", "/debug/chantrace/events?n=99999999999999999999",
        "/debug/chantrace/events?after=1x", "/debug/chantrace/stream?after=", "/document?n=65537",
        "/debug/chantrace/trace?n=0"})
    EXPECT_THAT(get(target), HasSubstr(" 400: ")) << target;
  EXPECT_THAT(get("/debug/chantrace/nothing"), HasSubstr(" 404: "));
  EXPECT_THAT(get("/debug"), HasSubstr(" 404: "));
}

TEST_F(LiveTest, StreamHasEveryEventAndAnEnd) {
  std::unique_ptr<Client> client = ask("/debug/chantrace/stream");
  std::string text;
  std::thread reader([&] { text = client->receive(); });
  {
    const Session session(Options{}.sink(sink_).lossless());
    const Channel<int> busy("busy", 1);
    for (int i = 0; i < 100; ++i) {
      busy.send(i);
      busy.recv();
    }
  }
  reader.join();

  const std::vector<StreamEvent> events = parse_stream(text);
  ASSERT_EQ(events.size(), 202u);
  for (std::size_t i = 0; i < 201; ++i) {
    EXPECT_EQ(events[i].id, std::to_string(i + 1));
    EXPECT_EQ(events[i].data["number"], events[i].id);
  }
  EXPECT_EQ(events[1].data["value"], "0");
  EXPECT_EQ(events.back().type, "end");
}

TEST_F(LiveTest, WhoListensAgainGoesOnBehindWhatWasHad) {
  std::unique_ptr<Client> client;
  {
    const Session session(Options{}.sink(sink_).lossless());
    const Channel<int> busy("busy", 1);
    for (int i = 0; i < 100; ++i) {
      busy.send(i);
      busy.recv();
    }
    client = ask("/debug/chantrace/stream?after=5", "Last-Event-ID: 150\r\n");
    // It counts as a listener from its first answer on.
    char some[16];
    client->receive_some(some);
  }

  const std::string text = client->receive();
  const std::size_t first = text.find("id: ");
  EXPECT_EQ(text.substr(first, 8), "id: 151\n");
  EXPECT_THAT(text, HasSubstr("id: 201\n"));
}

TEST_F(LiveTest, NumbersOfAnotherProgramBeginAnew) {
  std::unique_ptr<Client> client;
  {
    const Session session(Options{}.sink(sink_).lossless());
    const Channel<int> busy("busy", 1);
    busy.send(1);
    while (debug("report")["events"] != "2") std::this_thread::yield();
    EXPECT_EQ(debug("events?after=18446744073709551615")["skipped"], "0");
    client = ask("/debug/chantrace/stream", "Last-Event-ID: 5000000\r\n");
    char some[16];
    client->receive_some(some);
  }

  const std::vector<StreamEvent> events = parse_stream("\r\n\r\n" + client->receive());
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events.back().type, "end");
  EXPECT_EQ(events[events.size() - 2].id, "2");
}

TEST_F(LiveTest, SlowClientsHoldUpNobodyAndAreToldWhatTheyMissed) {
  std::unique_ptr<Client> slow[2] = {ask("/debug/chantrace/stream"),
                                     ask("/debug/chantrace/stream")};
  constexpr std::uint64_t kRounds = 100'000;
  std::uint64_t total = 0;
  std::string texts[2];
  {
    Session session(Options{}.sink(sink_).lossless());
    const Channel<int> busy("busy", 1);
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      busy.send(1);
      busy.recv();
    }
    while ((total = events_since(~0ull, 0).total) < 2 * kRounds + 1) std::this_thread::yield();
    // Only now do they read.
    std::thread readers[2];
    for (int i = 0; i < 2; ++i) readers[i] = std::thread([&, i] { texts[i] = slow[i]->receive(); });
    session.stop();
    for (std::thread& reader : readers) reader.join();
  }

  for (const std::string& text : texts) {
    const Account account = account_of(text);
    EXPECT_EQ(account.had + account.skipped, total);
    EXPECT_GT(account.skipped, 0u);
    EXPECT_EQ(account.last, "end");
  }
}

TEST_F(LiveTest, AStreamThatOutlivesItsSessionTellsWhatItLacks) {
  struct ImpatientSink final : Sink {
    explicit ImpatientSink(LiveServer& shown) : server(shown) {}
    void handle(const Event& event) override { server.add(event); }
    void close() override { server.finish(std::chrono::milliseconds(0)); }
    LiveServer& server;
  };
  const std::unique_ptr<Client> late = ask("/debug/chantrace/stream");
  std::uint64_t total = 0;
  {
    const Session session(Options{}.sink(std::make_shared<ImpatientSink>(*server_)).lossless());
    const Channel<int> busy("busy", 1);
    // More than fit into the buffers of a connection.
    for (int i = 0; i < 50'000; ++i) {
      busy.send(i);
      busy.recv();
    }
    while ((total = events_since(~0ull, 0).total) < 100'001) std::this_thread::yield();
  }

  const Account account = account_of(late->receive());

  EXPECT_EQ(account.had + account.skipped, total);
  EXPECT_GT(account.skipped, 0u);
  EXPECT_EQ(account.last, "end");
}

TEST_F(LiveTest, ClientsThatAreKilledHarmNobody) {
  Session session(Options{}.sink(sink_).lossless());
  const Channel<int> busy("busy", 1);
  for (int client = 0; client < 50; ++client) {
    std::unique_ptr<Client> gone = ask("/debug/chantrace/stream");
    for (int i = 0; i < 100; ++i) {
      busy.send(i);
      busy.recv();
    }
    gone.reset();
  }

  session.stop();
  EXPECT_EQ(session.lost(), 0u);
  EXPECT_THAT(get("/debug/chantrace/metrics"), HasSubstr("chantrace_events_total 10001\n"));
}

TEST_F(LiveTest, HostileClientsHarmNotTheProgramThatIsShown) {
  Session session(Options{}.sink(sink_).lossless());
  const Channel<int> busy("busy", 1);
  std::mt19937_64 random(7);
  const std::string good =
      "GET /debug/chantrace/events?n=100 HTTP/1.1\r\nHost: " + address_.host_and_port() +
      "\r\n\r\n";
  std::vector<std::unique_ptr<Client>> silent;

  for (int i = 0; i < 1'000; ++i) {
    busy.send(i);
    busy.recv();
    Client client(address_.port);
    client.send(damaged(good, random));
    client.end();
    client.receive();
    if (i % 20 != 0) continue;
    Client endless(address_.port);
    endless.send("GET / HTTP/1.1\r\nHost: " + std::string(100'000, 'x'));
    // Those that send a byte now and then, of a request that never ends.
    if (silent.size() < 8) silent.push_back(std::make_unique<Client>(address_.port));
    for (const std::unique_ptr<Client>& one : silent) one->send("G");
  }
  const json report = debug("report");
  // More than are served at once: others wait, and the program does not.
  while (silent.size() < 40) silent.push_back(std::make_unique<Client>(address_.port));
  for (int i = 0; i < 1'000; ++i) {
    busy.send(i);
    busy.recv();
  }
  silent.clear();

  session.stop();
  EXPECT_EQ(session.lost(), 0u);
  EXPECT_THAT(report["events_lost"], "0");
  EXPECT_THAT(get("/debug/chantrace/metrics"), HasSubstr("chantrace_events_total 4001\n"));
}

TEST_F(LiveTest, ADeadlockIsShownForWhatItIs) {
  const Session session(Options{}.sink(sink_).lossless());
  const CrossedLocks deadlock;
  // Who has waited for less than the threshold is not told of.
  while (debug("analysis")["leaked"].size() < 2) std::this_thread::yield();

  const json analysis = debug("analysis");
  const json shown = json::parse(get("/document"));

  ASSERT_THAT(analysis["findings"], SizeIs(1));
  EXPECT_EQ(analysis["findings"][0]["kind"], "deadlock");
  EXPECT_THAT(analysis["findings"][0]["participants"], SizeIs(2));
  EXPECT_EQ(analysis["leaked"][0]["outlook"], "stuck");
  ASSERT_THAT(shown["findings"], SizeIs(1));
  EXPECT_EQ(shown["findings"][0]["cycle"], true);
  const json blocked = 2;
  EXPECT_EQ(std::ranges::count(shown["spans"]["kind"], blocked), 2);
}

TEST_F(LiveTest, TraceIsOneForTheCommand) {
  const Session session(Options{}.sink(sink_).lossless());
  const Channel<int> busy("busy", 2);
  for (int i = 0; i < 100; ++i) {
    busy.send(i);
    busy.recv();
  }

  const std::string bytes = get("/debug/chantrace/trace?n=50");

  const auto* const begin = reinterpret_cast<const std::byte*>(bytes.data());
  const auto trace = from_bytes({begin, begin + bytes.size()});
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace.value().events_count(), 50u);
  ASSERT_EQ(trace.value().objects.size(), 1u);
  EXPECT_EQ(trace.value().objects[0].name, "busy");
}

TEST_F(LiveTest, MetricsCountOperationsWaitsAndBlockedTasks) {
  Session session(Options{}.sink(sink_).lossless());
  const Channel<int> jobs("jobs");
  const Task worker = go("worker", [=] {
    for ([[maybe_unused]] const int job : jobs) {
    }
  });
  for (int i = 0; i < 3; ++i) {
    until_parked("worker");
    jobs.send(i);
  }
  until_parked("worker");
  jobs.close();
  worker.join();
  session.stop();

  const std::string text = get("/debug/chantrace/metrics");

  EXPECT_THAT(text, HasSubstr("# TYPE chantrace_operations_total counter\n"));
  EXPECT_THAT(text,
              HasSubstr("chantrace_operations_total{object=\"channel\",operation=\"send\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("chantrace_wait_seconds_count{operation=\"range\"} 4\n"));
  EXPECT_THAT(text,
              HasSubstr("chantrace_wait_seconds_bucket{operation=\"range\",le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("chantrace_events_lost_total 0\n"));
  EXPECT_THAT(text, HasSubstr("chantrace_blocked_tasks 0\n"));
}

TEST(LiveAddressTest, AnswersAtWhatItHasPrinted) {
  auto started = LiveServer::start({.host = "127.0.0.2", .port = 0});
  ASSERT_TRUE(started.has_value()) << started.error();
  const Address address = parse_address(started.value()->address()).value();

  EXPECT_TRUE(
      fetch(address, "/debug/chantrace/report", 100'000, std::chrono::seconds(60)).has_value());
}

TEST(LiveAddressTest, OthersThanThisMachineNeedTheToken) {
  auto started = LiveServer::start({.host = "0.0.0.0", .port = 0, .token = "secret"});
  ASSERT_TRUE(started.has_value()) << started.error();
  const Address address = parse_address(started.value()->address()).value();
  EXPECT_EQ(address.token, "secret");
  const auto get = [&](const std::string& token) {
    Address asked{.host = "127.0.0.1", .port = address.port, .token = token};
    return fetch(asked, "/debug/chantrace/report", 100'000, std::chrono::seconds(60)).has_value();
  };

  EXPECT_TRUE(get("secret"));
  EXPECT_FALSE(get(""));
  EXPECT_FALSE(get("secres"));
  EXPECT_FALSE(get("secretsecret"));
  Client by_query(address.port);
  by_query.send("GET /document?token=secret HTTP/1.1\r\nHost: anything.example\r\n\r\n");
  EXPECT_THAT(by_query.receive(), StartsWith("HTTP/1.1 200 "));
}

TEST(WebSinkTest, IsThereWhereTheLibraryIsLinked) {
  EXPECT_THAT(sink_factory_names(), ElementsAre("tui", "web"));
}

TEST(WebSinkTest, ServesAndSaysWhere) {
  testing::internal::CaptureStderr();
  {
    Options options;
    ASSERT_TRUE(Options::from_text("web=127.0.0.1:0", options));
    const Session session(std::move(options));
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              StartsWith("chantrace: this program is shown at http://127.0.0.1:"));
}

TEST(WebSinkTest, ABusyPortIsToldAndTheProgramGoesOn) {
  const auto other = Server::start({}, [](const Request&) { return Response{}; });
  ASSERT_TRUE(other.has_value());
  const std::string where = "127.0.0.1:" + std::to_string(other.value()->port());
  testing::internal::CaptureStderr();
  {
    const Session session(Options{}.web(where));
    const Channel<int> channel("still", 1);
    channel.send(1);
    EXPECT_EQ(channel.recv(), 1);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "chantrace: " + where +
                " is in use by another program; port 0 takes one that is free. The program goes on "
                "without its view.\n");
}

TEST(WebSinkTest, OtherAddressesGetAToken) {
  testing::internal::CaptureStderr();
  { const Session session(Options{}.web("0.0.0.0:0")); }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::ContainsRegex("token=[0-9a-f]+\n"));
}

}  // namespace
}  // namespace chantrace::view
