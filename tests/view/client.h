/// \file
/// A client of a server on this machine, by plain sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace chantrace::view {

/// A connection to a server.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Whether all of it was taken.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// What comes first; how much that is, or nothing at the end.
  std::size_t receive_some(std::span<char> into) {
    const ssize_t got = ::recv(socket_, into.data(), into.size(), 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  void end() { ::shutdown(socket_, SHUT_WR); }
  /// All that comes until the server closes.
  std::string receive() {
    std::string all;
    char some[65'536];
    for (ssize_t got; (got = ::recv(socket_, some, sizeof some, 0)) > 0;)
      all.append(some, static_cast<std::size_t>(got));
    return all;
  }

 private:
  int socket_;
};

/// `bytes` with some of them changed, in half of the cases all, and cut off somewhere.
inline std::string damaged(std::string bytes, std::mt19937_64& random) {
  if (random() % 2 == 0)
    for (char& byte : bytes) byte = static_cast<char>(random());
  for (int change = 0; change < 3; ++change)
    bytes[random() % bytes.size()] = static_cast<char>(random());
  return bytes.substr(0, 1 + random() % bytes.size());
}

}  // namespace chantrace::view
