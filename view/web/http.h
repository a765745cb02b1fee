/// \file
/// A small HTTP server for pages and their data, and what asks one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "chantrace/result.h"
#include "request.h"

namespace chantrace::view {

/// Where a server is, or is to be.
struct Address {
  std::string host = "127.0.0.1";  ///< A number such as 127.0.0.1, 0.0.0.0 or ::1.
  std::uint16_t port = 4884;
  std::string token = {};  ///< What a client has to know; empty: nothing.

  bool is_loopback() const;
  /// "127.0.0.1:4884"
  std::string host_and_port() const;
  /// "http://127.0.0.1:4884/?token=..."
  std::string url() const;
};

/// Reads "", "4884", ":4884", "localhost", "127.0.0.1:4884", "[::1]:4884" and what `url` makes.
///
/// Errors: what is wrong with `text`, and what is expected.
Result<Address, std::string> parse_address(std::string_view text);

struct ServerOptions {
  /// Port 0: any that is free. With a token it answers only those who send it, as `?token=` or as
  /// `Authorization: Bearer`; without one only those who ask this machine by its own name.
  Address address = {.port = 0};
  /// Clients at once; others wait until one of these is served.
  std::size_t connections_max = 64;
  /// A client that takes longer to ask, or to take the next part of what it gets, is dropped.
  std::chrono::milliseconds patience = std::chrono::seconds(10);
  /// How its thread is started.
  std::function<std::thread(std::function<void()>)> start_thread = {};
};

/// Serves from a thread of its own until it is destroyed.
///
/// Requests come from anyone: their heads may have 8 KiB, and they may have no body. One that names
/// another host than this machine is refused, so that no page of another site can ask in the name
/// of its visitor (DNS rebinding).
///
/// Threads: any one; `handle` is called from the server's thread, one request at a time.
class Server {
 public:
  /// What to answer. What it throws is answered with status 500.
  using Handler = std::function<Response(const Request&)>;

  /// Errors: why nothing can be served there, and what to do: "127.0.0.1:4884 is in use ...".
  static Result<std::unique_ptr<Server>, std::string> start(const ServerOptions& options,
                                                            Handler handle);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  /// "http://127.0.0.1:4884/", with the token where there is one.
  std::string address() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

/// Why nothing was fetched.
struct FetchError {
  std::string reason;
};

/// What `target` ("/debug/chantrace/trace?n=100") of a server answers with status 200.
///
/// Errors: why there is none: nobody serves there, it took longer than `patience`, it was more than
/// `bytes_max`, or what the server says.
Result<std::string, FetchError> fetch(const Address& address, std::string_view target,
                                      std::size_t bytes_max, std::chrono::milliseconds patience);

}  // namespace chantrace::view
