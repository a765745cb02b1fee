// The sink "web". It is there wherever the library is linked: the target's link options ask for the
// name at the end, which brings this file, which registers itself.

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "chantrace/sink.h"
#include "live_server.h"

namespace chantrace::view {
namespace {

/// How long the end of a program waits for those who listen.
constexpr std::chrono::milliseconds kEndPatience{2'000};

/// 128 random bits, in hexadecimal digits.
std::string make_token() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
    throw std::runtime_error("the system gives no random numbers");
  std::string token;
  for (const unsigned char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    token += kDigits[byte >> 4];
    token += kDigits[byte & 15];
  }
  return token;
}

class WebSink final : public Sink {
 public:
  explicit WebSink(std::unique_ptr<LiveServer> server) : server_(std::move(server)) {}

  void handle(const Event& event) override {
    if (server_ != nullptr) server_->add(event);
  }
  void close() override {
    if (server_ != nullptr) server_->finish(kEndPatience);
  }

 private:
  const std::unique_ptr<LiveServer> server_;  ///< nullptr: it could not be started.
};

/// Errors: why it cannot be started.
Result<std::unique_ptr<LiveServer>, std::string> start_server(const std::string& argument) {
  auto address = parse_address(argument);
  if (!address.has_value()) return address.error();
  // Whoever is not on this machine has to have been told.
  if (!address.value().is_loopback() && address.value().token.empty())
    address.value().token = make_token();
  return LiveServer::start(address.value());
}

std::shared_ptr<Sink> make_web_sink(const std::string& argument) {
  std::unique_ptr<LiveServer> server;
  std::string error;
  try {
    if (auto started = start_server(argument); started.has_value())
      server = std::move(started).value();
    else
      error = started.error();
  } catch (const std::exception& failure) {
    error = failure.what();
  }
  if (server != nullptr)
    std::fprintf(stderr, "chantrace: this program is shown at %s\n", server->address().c_str());
  else
    std::fprintf(stderr, "chantrace: %s. The program goes on without its view.\n", error.c_str());
  return std::make_shared<WebSink>(std::move(server));
}

[[maybe_unused]] const bool is_registered = [] {
  register_sink_factory("web", make_web_sink);
  return true;
}();

}  // namespace
}  // namespace chantrace::view

extern "C" const int chantrace_web_is_linked = 1;
