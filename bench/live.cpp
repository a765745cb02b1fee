// What a program pays for being watched, and whether anything is lost without being told: events
// through the log sink to a file, and streams of which two clients take nothing. Each line says
// what is wanted, what was measured, and whether that is enough.
//
//   bench_live [SECONDS]    SECONDS of a steady stream of 200,000 events a second; 60 unless given
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "chantrace/chantrace.h"
#include "live/live_server.h"

namespace {

using namespace chantrace;
using std::chrono::duration;
using std::chrono::steady_clock;

bool is_all_well = true;

void judge(bool is_well, const char* what, const std::string& measured) {
  std::printf("%-4s  %-58s  %s\n", is_well ? "PASS" : "FAIL", what, measured.c_str());
  std::fflush(stdout);
  is_all_well = is_all_well && is_well;
}

std::uint64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  return 0;
}

void make_events(std::uint64_t count) {
  const Channel<int> busy("busy", 8);
  for (std::uint64_t i = 0; i < count / 2; ++i) {
    busy.send(1);
    busy.recv();
  }
}

/// Lines of events, and events that the lines say are missing.
struct LogLines {
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
};

LogLines read_log(const std::string& path) {
  LogLines lines;
  std::ifstream log(path);
  for (std::string line; std::getline(log, line);) {
    const std::size_t mark = line.find("[trace-lost] ");
    if (mark == std::string::npos)
      ++lines.events;
    else
      lines.lost += std::strtoull(line.c_str() + mark + 13, nullptr, 10);
  }
  return lines;
}

void log_to_file(bool is_lossless) {
  constexpr std::uint64_t kEvents = 1'000'000;
  std::string path = (std::filesystem::temp_directory_path() / "bench_live_XXXXXX").string();
  const int file = mkstemp(path.data());
  std::uint64_t lost = 0;
  const steady_clock::time_point begin = steady_clock::now();
  {
    Session session(Options{}.sink(make_log_sink(file, Color::kNever)).lossless(is_lossless));
    make_events(kEvents);
    session.stop();
    lost = session.lost();
  }
  const double seconds = duration<double>(steady_clock::now() - begin).count();
  close(file);
  const LogLines lines = read_log(path);
  unlink(path.c_str());
  const bool is_exact = lines.events + lines.lost == kEvents + 1 && lines.lost == lost;
  judge(is_exact && (!is_lossless || lost == 0),
        is_lossless ? "log of 1,000,000 events, tasks wait: none lost"
                    : "log of 1,000,000 events: losses are told, exactly",
        std::to_string(lines.events) + " lines, " + std::to_string(lines.lost) + " told lost, " +
            std::to_string(lost) + " lost, " + std::to_string(seconds) + " s");
}

/// Asks for a stream, and reads it when told to.
class StreamClient {
 public:
  explicit StreamClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const std::string request =
        "GET /debug/chantrace/stream HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
        "\r\n\r\n";
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::send(socket_, request.data(), request.size(), 0) < 0)
      std::perror("a client cannot connect");
  }
  ~StreamClient() { ::close(socket_); }
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  void read() {
    std::string rest;
    char some[65'536];
    for (ssize_t got; (got = ::recv(socket_, some, sizeof some, 0)) > 0;) {
      rest.append(some, static_cast<std::size_t>(got));
      std::size_t begin = 0;
      for (std::size_t end; (end = rest.find("\n\n", begin)) != std::string::npos; begin = end + 2)
        count(std::string_view(rest).substr(begin, end - begin));
      rest.erase(0, begin);
    }
  }

  std::uint64_t events = 0;
  std::uint64_t skipped = 0;
  bool has_ended = false;

 private:
  void count(std::string_view block) {
    constexpr std::string_view kSkipped = "{\"skipped\":\"";
    if (const std::size_t at = block.find(kSkipped); at != std::string_view::npos)
      skipped += std::strtoull(block.data() + at + kSkipped.size(), nullptr, 10);
    else if (block.find("event: end") != std::string_view::npos)
      has_ended = true;
    else if (block.find("id: ") != std::string_view::npos)
      ++events;
  }

  const int socket_;
};

class Forward final : public Sink {
 public:
  explicit Forward(view::LiveServer& server) : server_(server) {}
  void handle(const Event& event) override { server_.add(event); }
  void close() override { server_.finish(std::chrono::seconds(4)); }

 private:
  view::LiveServer& server_;
};

void stream_to_slow_clients() {
  auto server = view::LiveServer::start({.port = 0});
  const std::uint16_t port = view::parse_address(server.value()->address()).value().port;
  StreamClient quick(port);
  StreamClient slow[2]{StreamClient(port), StreamClient(port)};
  std::thread reader([&] { quick.read(); });
  std::thread readers[2];
  std::uint64_t total = 0;
  const steady_clock::time_point begin = steady_clock::now();
  {
    Session session(Options{}.sink(std::make_shared<Forward>(*server.value())));
    make_events(1'000'000);
    while (events_since(~0ull, 0).total != total || total == 0) {
      total = events_since(~0ull, 0).total;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    for (int i = 0; i < 2; ++i) readers[i] = std::thread([&, i] { slow[i].read(); });
  }
  reader.join();
  for (std::thread& one : readers) one.join();
  const double seconds = duration<double>(steady_clock::now() - begin).count();
  for (StreamClient* client : {&quick, &slow[0], &slow[1]})
    judge(client->events + client->skipped == total && client->has_ended,
          client == &quick ? "stream of 1,000,000 events: nothing is missing untold"
                           : "the same for a client that takes nothing meanwhile",
          std::to_string(client->events) + " had, " + std::to_string(client->skipped) +
              " told missing, " + std::to_string(total) + " in all, " + std::to_string(seconds) +
              " s");
}

void steady_stream(int seconds) {
  constexpr int kPerTick = 2'000;  // Each 10 ms.
  auto server = view::LiveServer::start({.port = 0});
  const std::uint16_t port = view::parse_address(server.value()->address()).value().port;
  StreamClient slow[2]{StreamClient(port), StreamClient(port)};
  Session session(Options{}.sink(std::make_shared<Forward>(*server.value())));
  const Channel<int> busy("busy", 8);
  const steady_clock::time_point begin = steady_clock::now();
  std::uint64_t made = 0;
  std::uint64_t after_warm_up = 0;
  double work = 0;
  for (int tick = 0; tick < seconds * 100; ++tick) {
    std::this_thread::sleep_until(begin + std::chrono::milliseconds(10) * tick);
    const steady_clock::time_point started = steady_clock::now();
    for (int i = 0; i < kPerTick / 2; ++i) {
      busy.send(i);
      busy.recv();
    }
    work += duration<double>(steady_clock::now() - started).count();
    made += kPerTick;
    if (tick == seconds * 100 / 4) after_warm_up = resident_kib();
    // One of them is killed in the middle, and another one comes.
    if (tick % 100 == 50) StreamClient gone(port);
  }
  const double took = duration<double>(steady_clock::now() - begin).count();
  const std::uint64_t at_end = resident_kib();
  judge(at_end < after_warm_up + after_warm_up / 10 + 4'096, "200,000 events/s: memory stays",
        std::to_string(after_warm_up) + " KiB after a quarter, " + std::to_string(at_end) +
            " KiB at the end");
  judge(static_cast<double>(made) / took > 190'000, "200,000 events/s: they are made",
        std::to_string(static_cast<std::uint64_t>(static_cast<double>(made) / took)) +
            " a second for " + std::to_string(took) + " s, " +
            std::to_string(work / static_cast<double>(made) * 1e9) + " ns each, " +
            std::to_string(session.lost()) + " lost to the view, and told");
}

}  // namespace

int main(int argc, char** argv) {
  log_to_file(false);
  log_to_file(true);
  stream_to_slow_clients();
  steady_stream(argc > 1 ? std::atoi(argv[1]) : 60);
  return is_all_well ? 0 : 1;
}
