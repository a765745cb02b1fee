/// \file
/// Shows the program that it runs in: the page, a stream of events, and the debug endpoints.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "chantrace/result.h"
#include "live_snapshot.h"
#include "metrics.h"
#include "web/http.h"

namespace chantrace::view {

/// Serves until it is destroyed.
///
/// Threads: any thread.
class LiveServer {
 public:
  /// `patience`: how long a client may take for its next part; see `ServerOptions`.
  ///
  /// Errors: why nothing can be served there, and what to do.
  static Result<std::unique_ptr<LiveServer>, std::string> start(
      const Address& address, std::chrono::milliseconds patience = ServerOptions{}.patience);
  ~LiveServer();
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  /// Counts `event`.
  void add(const Event& event) { metrics_.add(event); }
  /// Nothing more will happen. Waits until streams have what there is, or `patience` is over.
  void finish(std::chrono::milliseconds patience);
  std::string address() const { return server_->address(); }

 private:
  explicit LiveServer(std::string token) : token_(std::move(token)) {}

  /// Called in the server's thread.
  Response respond(const Request& request);
  Response debug(const Request& request, std::string_view what);
  Response page() const;
  Response document(std::size_t events) const;
  Response report() const;
  Response events(std::uint64_t after, std::size_t count) const;
  Response stream(const Request& request);
  Response notices();
  /// One more stream, until the last copy of it is gone.
  std::shared_ptr<void> count_stream();

  const std::string token_;
  Metrics metrics_;
  std::atomic<bool> is_over_ = false;            ///< Read by streams,
  std::atomic<std::uint64_t> total_at_end_ = 0;  ///< and how many events there were.
  std::mutex mutex_;
  std::condition_variable stream_ended_;
  std::size_t streams_ = 0;
  std::unique_ptr<Server> server_;
};

}  // namespace chantrace::view
