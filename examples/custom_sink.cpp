/// \file
/// A sink of one's own: it counts what passes through each channel. Registered under a name, it can
/// be had with CHANTRACE=tally as well as from the program.
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "chantrace/chantrace.h"

namespace {

class TallySink final : public chantrace::Sink {
 public:
  void handle(const chantrace::Event& event) override {
    // An operation that waits comes as a start and a done; one that does not, as both in one.
    if (event.phase == chantrace::Phase::kStart || event.outcome != chantrace::Outcome::kOk) return;
    Tally& tally = tallies_[event.object_name];
    if (event.operation == chantrace::Operation::kSend) ++tally.sent;
    if (event.operation == chantrace::Operation::kReceive) ++tally.received;
  }

  void close() override {
    for (const auto& [channel, tally] : tallies_) {
      if (tally.sent + tally.received == 0) continue;
      std::printf("%s: %d sent, %d received\n", channel.c_str(), tally.sent, tally.received);
    }
  }

 private:
  struct Tally {
    int sent = 0;
    int received = 0;
  };
  std::map<std::string, Tally> tallies_;
};

}  // namespace

int main() {
  chantrace::register_sink_factory(
      "tally", [](const std::string&) { return std::make_shared<TallySink>(); });
  const chantrace::Session session(chantrace::Options{}.sink_named("tally"));

  const chantrace::Channel<std::string> parcels("parcels", 2);
  const chantrace::Task sender = chantrace::go("sender", [=] {
    for (const char* const town : {"Ghent", "Oslo", "Porto", "Turin"}) parcels.send(town);
  });
  for (int i = 0; i < 4; ++i) parcels.recv();
  sender.join();
}
