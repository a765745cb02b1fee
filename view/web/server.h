/// \file
/// A small HTTP server for pages and their data, on this machine alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "chantrace/result.h"

namespace chantrace::view {

/// What was asked for. Only GET and HEAD come through.
struct Request {
  std::string path;   ///< "/", "/3": what stands before a question mark, as it was sent.
  std::string query;  ///< What stands behind it; empty: nothing.
};

struct Response {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body;  ///< nullptr: empty.
};

struct ServerOptions {
  std::uint16_t port = 0;  ///< On 127.0.0.1; 0: any that is free.
  /// Clients at once; others wait until one of these is served.
  std::size_t connections_max = 64;
  /// A client that takes longer to ask, or to take the next part of what it gets, is dropped.
  std::chrono::milliseconds patience = std::chrono::seconds(10);
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
  /// "http://127.0.0.1:4884/"
  std::string address() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace chantrace::view
