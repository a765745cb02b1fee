// The server as anyone on the machine can reach it, by plain sockets.
#include "web/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "view/client.h"

namespace chantrace::view {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ServerTest : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    auto started = Server::start(options, [this](const Request& request) -> Response {
      if (request.path == "/throws") throw std::runtime_error("no luck");
      if (request.path == "/counts") {
        return {.body = std::make_shared<std::string>("one"),
                .more = [count = 0]() mutable -> std::optional<std::string> {
                  ++count;
                  if (count > 4) return std::nullopt;
                  return count % 2 == 0 ? (count == 2 ? " two" : " three") : "";
                }};
      }
      if (request.path == "/large") return {.body = large_};
      if (request.path != "/") return {.status = 404, .body = std::make_shared<std::string>("no")};
      return {.type = "text/html", .body = std::make_shared<std::string>("hello " + request.query)};
    });
    ASSERT_TRUE(started.has_value()) << started.error();
    server_ = std::move(started).value();
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  /// The answer to a request.
  std::string ask(const std::string& line, const std::string& host_named) {
    Client client(server_->port());
    client.send(line + "\r\nHost: " + host_named + "\r\n\r\n");
    return client.receive();
  }
  std::string get(const std::string& target) { return ask("GET " + target + " HTTP/1.1", host()); }
  bool works() { return get("/").ends_with("hello "); }
  /// The same where patience is so short that a busy machine may miss it.
  bool works_in_the_end() {
    for (int i = 0; i < 100; ++i)
      if (works()) return true;
    return false;
  }

  const std::shared_ptr<const std::string> large_ =
      std::make_shared<std::string>(std::string(20'000'000, 'x'));
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersWithWhatItIsGiven) {
  start();

  const std::string answer = get("/?from=1");

  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: text/html\r\n"),
                            HasSubstr("X-Content-Type-Options: nosniff\r\n")));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello from=1"));
  EXPECT_THAT(get("/nothing"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/throws"), AllOf(StartsWith("HTTP/1.1 500 "), HasSubstr("no luck")));
}

TEST_F(ServerTest, AHeadHasNoBody) {
  start();

  const std::string answer = ask("HEAD / HTTP/1.1", host());

  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 6\r\n")));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, ALargeAnswerComesWhole) {
  start();

  const std::string answer = get("/large");

  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, large_->size());
}

TEST_F(ServerTest, AnotherHostIsRefused) {
  start();

  EXPECT_THAT(ask("GET / HTTP/1.1", "evil.example:" + std::to_string(server_->port())),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask("GET / HTTP/1.1", "127.0.0.1"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask("GET / HTTP/1.1", host() + "\r\nHost: " + host()), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET / HTTP/1.1", "localhost:" + std::to_string(server_->port())),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, AnotherSiteMayLeadHereAndNoMore) {
  start();
  const auto ask_as = [&](const std::string& mode) {
    Client client(server_->port());
    client.send("GET / HTTP/1.1\r\nHost: " + host() +
                "\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: " + mode + "\r\n\r\n");
    return client.receive();
  };

  EXPECT_THAT(ask_as("navigate"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask_as("no-cors"), StartsWith("HTTP/1.1 403"));
}

TEST_F(ServerTest, OnlyGetsAreAnswered) {
  start();

  EXPECT_THAT(ask("DELETE / HTTP/1.1", host()),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
  EXPECT_THAT(ask("POST / HTTP/1.1", host() + "\r\nContent-Length: 100"),
              StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, AHeadThatIsTooLongIsRefused) {
  start();
  Client client(server_->port());

  client.send("GET / HTTP/1.1\r\nHost: " + host() + "\r\nX: " + std::string(20'000, 'x') +
              "\r\n\r\n");

  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 431 "));
  EXPECT_TRUE(works());
}

TEST_F(ServerTest, WhatIsNoRequestIsToldSo) {
  start();
  Client client(server_->port());

  client.send("HELLO\r\n\r\n");

  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ServerTest, RequestsOfRandomBytesHarmNothing) {
  start();
  std::mt19937_64 random(5);
  const std::string good = "GET / HTTP/1.1\r\nHost: " + host() + "\r\n\r\n";

  for (int i = 0; i < 1'000; ++i) {
    Client client(server_->port());
    client.send(damaged(good, random));
    client.end();
    client.receive();
  }

  EXPECT_TRUE(works());
}

TEST_F(ServerTest, ClientsThatSayNothingAreDropped) {
  start({.patience = std::chrono::milliseconds(20)});
  Client silent(server_->port());
  Client slow(server_->port());
  slow.send("GET / HT");

  EXPECT_THAT(silent.receive(), IsEmpty());
  EXPECT_THAT(slow.receive(), IsEmpty());
  EXPECT_TRUE(works_in_the_end());
}

TEST_F(ServerTest, ClientsThatHoldAllConnectionsHoldNobodyForLong) {
  start({.connections_max = 2, .patience = std::chrono::milliseconds(20)});
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(std::make_unique<Client>(server_->port()));

  EXPECT_TRUE(works_in_the_end());
}

TEST_F(ServerTest, AClientThatLeavesInTheMiddleHarmsNothing) {
  start();
  for (int i = 0; i < 20; ++i) {
    Client client(server_->port());
    client.send("GET /large HTTP/1.1\r\nHost: " + host() + "\r\n\r\n");
  }

  EXPECT_TRUE(works());
}

TEST_F(ServerTest, EndsThoughClientsAreThere) {
  start();
  Client silent(server_->port());
  Client slow(server_->port());
  slow.send("GET /large HTTP/1.1\r\nHost: " + host() + "\r\n\r\n");

  server_ = nullptr;

  EXPECT_THAT(silent.receive(), IsEmpty());
}

TEST_F(ServerTest, APortInUseIsSaid) {
  start();

  const auto other = Server::start({.address = {.port = server_->port()}},
                                   [](const Request&) { return Response{}; });

  ASSERT_FALSE(other.has_value());
  EXPECT_THAT(other.error(), AllOf(HasSubstr(host()), HasSubstr("in use")));
}

struct AddressCase {
  std::string_view text;
  std::string_view url;
};

class AddressTest : public testing::TestWithParam<AddressCase> {};

TEST_P(AddressTest, IsRead) {
  const auto address = parse_address(GetParam().text);

  ASSERT_TRUE(address.has_value()) << address.error();
  EXPECT_EQ(address.value().url(), GetParam().url);
}

INSTANTIATE_TEST_SUITE_P(, AddressTest,
                         testing::Values(AddressCase{"", "http://127.0.0.1:4884/"},
                                         AddressCase{"80", "http://127.0.0.1:80/"},
                                         AddressCase{":80", "http://127.0.0.1:80/"},
                                         AddressCase{"localhost", "http://127.0.0.1:4884/"},
                                         AddressCase{"localhost:1", "http://127.0.0.1:1/"},
                                         AddressCase{"10.0.0.7", "http://10.0.0.7:4884/"},
                                         AddressCase{"[::1]:5", "http://[::1]:5/"},
                                         AddressCase{"http://0.0.0.0:9/?token=ab12",
                                                     "http://0.0.0.0:9/?token=ab12"}));

TEST(AddressErrorTest, SaysWhatIsExpected) {
  for (const std::string_view text : {"example.org:1", "127.0.0.1:x", "127.0.0.1:70000", "[::1",
                                      "[::1]x", "1.2.3.4.5", "http://", "::1:5"}) {
    const auto address = parse_address(text);
    if (text == "http://") continue;  // Where it always is.
    ASSERT_FALSE(address.has_value()) << text;
    EXPECT_THAT(address.error(), HasSubstr("HOST:PORT")) << text;
  }
}

TEST_F(ServerTest, GoesOnWhileThereIsMore) {
  start();

  EXPECT_TRUE(get("/counts").ends_with("\r\n\r\none two three"));
}

TEST(FetchTest, MakesNoRoomForWhatIsOnlyAnnounced) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
  std::thread hostile([&] {
    const int socket = ::accept(listener, nullptr, nullptr);
    const std::string_view answer =
        "HTTP/1.1 200 OK\r\nContent-Length: 4000000000000000000\r\n\r\nx";
    EXPECT_GT(::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL), 0);
    char rest[1024];
    while (::recv(socket, rest, sizeof rest, 0) > 0) {
    }
    ::close(socket);
  });

  const auto got = fetch({.port = ntohs(at.sin_port)}, "/", 1'000, std::chrono::seconds(60));
  hostile.join();
  ::close(listener);

  ASSERT_FALSE(got.has_value());
  EXPECT_THAT(got.error().reason, HasSubstr("body limit"));
}

TEST_F(ServerTest, IsFetchedFrom) {
  start();
  const Address address{.port = server_->port()};
  const auto fetched = [&](const char* target, std::size_t bytes_max) {
    const auto got = fetch(address, target, bytes_max, std::chrono::seconds(60));
    return got.has_value() ? got.value() : got.error().reason;
  };

  EXPECT_EQ(fetched("/", 100), "hello ");
  EXPECT_EQ(fetched("/large", 100'000'000).size(), 20'000'000u);
  EXPECT_THAT(fetched("/large", 1000), HasSubstr("body limit exceeded"));
  EXPECT_THAT(fetched("/nothing", 100), HasSubstr("answers 404: no"));
  server_.reset();
  EXPECT_THAT(fetched("/", 100), HasSubstr("nothing serves at"));
}

}  // namespace
}  // namespace chantrace::view
