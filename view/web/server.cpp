// The only file that knows of Boost.Beast, which takes 10 s to compile.
#include "server.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

namespace chantrace::view {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;

constexpr std::uint32_t kHeadBytesMax = 8 * 1024;
/// How long accepting pauses when the process has no file descriptor left.
constexpr auto kAcceptPause = std::chrono::milliseconds(200);

std::string_view to_view(beast::string_view text) { return {text.data(), text.size()}; }

/// Whether a request's host is this machine, as a browser spells it.
bool is_this_machine(std::string_view host, std::uint16_t port) {
  const std::string suffix = ":" + std::to_string(port);
  for (const std::string_view name : {"127.0.0.1", "localhost", "[::1]"})
    if (host == std::string(name) + suffix || (port == 80 && host == name)) return true;
  return false;
}

}  // namespace

struct Server::Impl {
  class Connection;

  Impl(const ServerOptions& what, Handler how)
      : options(what), handle(std::move(how)), acceptor(context), pause(context) {}

  void accept();
  void note_end();

  const ServerOptions options;
  const Handler handle;
  // Connections go with the context, and still count themselves then.
  std::size_t connections = 0;
  bool is_ending = false;
  asio::io_context context{1};
  Tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::uint16_t port = 0;
  bool is_accepting = false;
  std::thread thread;
};

/// One request and its answer.
class Server::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, Tcp::socket&& socket) : server_(server), stream_(std::move(socket)) {
    ++server_.connections;
  }
  ~Connection() { server_.note_end(); }

  void read() {
    parser_.header_limit(kHeadBytesMax);
    parser_.body_limit(1);
    stream_.expires_after(server_.options.patience);
    http::async_read(
        stream_, buffer_, parser_,
        [self = shared_from_this()](beast::error_code error, std::size_t) { self->answer(error); });
  }

 private:
  void answer(beast::error_code error) {
    if (!error) {
      write(respond(parser_.get()), parser_.get().method() == http::verb::head);
    } else if (error == http::error::header_limit) {
      write(text(431, "the request's head is too long"), false);
    } else if (error == http::error::body_limit) {
      write(text(413, "a request has no body here"), false);
    } else if (error.category() == http::make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      write(text(400, "this is no request of HTTP"), false);
    }
    // Everyone else has gone, or was too slow.
  }

  static Response text(unsigned status, std::string_view words) {
    return {.status = status, .body = std::make_shared<std::string>(std::string(words) + "\n")};
  }

  Response respond(const http::request<http::string_body>& request) const {
    if (request.count(http::field::host) != 1) return text(400, "a request names one host");
    if (!is_this_machine(to_view(request[http::field::host]), server_.port))
      return text(403, "this server answers to 127.0.0.1 and localhost alone");
    if (request.method() != http::verb::get && request.method() != http::verb::head)
      return text(405, "there is only something to get here");
    const std::string_view target = to_view(request.target());
    const std::size_t question = target.find('?');
    Request asked;
    asked.path = target.substr(0, question);
    if (question != std::string_view::npos) asked.query = target.substr(question + 1);
    try {
      return server_.handle(asked);
    } catch (const std::exception& failure) {
      return text(500, failure.what());
    }
  }

  void write(Response response, bool is_head) {
    body_ = std::move(response.body);
    const std::string_view body = body_ != nullptr ? std::string_view(*body_) : "";
    response_.emplace();
    response_->version(11);
    response_->result(response.status);
    response_->set(http::field::content_type, response.type);
    response_->set(http::field::cache_control, "no-store");
    response_->set(http::field::connection, "close");
    response_->set("X-Content-Type-Options", "nosniff");
    response_->set("X-Frame-Options", "DENY");
    response_->set("Cross-Origin-Resource-Policy", "same-origin");
    response_->set("Referrer-Policy", "no-referrer");
    if (response.status == 405) response_->set(http::field::allow, "GET, HEAD");
    response_->content_length(body.size());
    if (!is_head) response_->body() = {body.data(), body.size()};
    serializer_.emplace(*response_);
    // So much may be sent at a time, each time within the client's patience.
    send(is_head);
  }

  void send(bool is_head) {
    stream_.expires_after(server_.options.patience);
    const auto then = [self = shared_from_this(), is_head](beast::error_code error, std::size_t) {
      if (error) return;
      const bool is_done =
          is_head ? self->serializer_->is_header_done() : self->serializer_->is_done();
      if (!is_done) return self->send(is_head);
      beast::error_code ignored;
      self->stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
      self->drain();
    };
    if (is_head)
      http::async_write_header(stream_, *serializer_, then);
    else
      http::async_write_some(stream_, *serializer_, then);
  }

  /// What a client still sends has to be taken: the system would otherwise tell it of an error
  /// before it has read the answer.
  void drain() {
    stream_.async_read_some(asio::buffer(drained_),
                            [self = shared_from_this()](beast::error_code error, std::size_t size) {
                              self->drained_bytes_ += size;
                              if (!error && self->drained_bytes_ < 1'000'000) self->drain();
                            });
  }

  Impl& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request_parser<http::string_body> parser_;
  std::shared_ptr<const std::string> body_;
  std::optional<http::response<http::span_body<const char>>> response_;
  std::optional<http::response_serializer<http::span_body<const char>>> serializer_;
  std::array<char, 1024> drained_;
  std::size_t drained_bytes_ = 0;
};

void Server::Impl::accept() {
  if (is_accepting || connections >= options.connections_max) return;
  is_accepting = true;
  acceptor.async_accept([this](beast::error_code error, Tcp::socket socket) {
    is_accepting = false;
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      std::make_shared<Connection>(*this, std::move(socket))->read();
      return accept();
    }
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](beast::error_code stopped) {
      if (!stopped) accept();
    });
  });
}

void Server::Impl::note_end() {
  --connections;
  if (!is_ending) accept();
}

Result<std::unique_ptr<Server>, std::string> Server::start(const ServerOptions& options,
                                                           Handler handle) {
  auto impl = std::make_unique<Impl>(options, std::move(handle));
  const Tcp::endpoint endpoint(asio::ip::address_v4::loopback(), options.port);
  beast::error_code error;
  impl->acceptor.open(endpoint.protocol(), error);
  // Connections that were closed a moment ago must not hold the port.
  if (!error) impl->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
  const std::string where = "127.0.0.1:" + std::to_string(options.port);
  if (error == asio::error::address_in_use)
    return where + " is in use by another program; another port is free: --port 0 takes any";
  if (error) return where + ": cannot serve there: " + error.message();
  impl->port = impl->acceptor.local_endpoint().port();
  impl->accept();
  impl->thread = std::thread([&context = impl->context] { context.run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  impl_->context.stop();
  impl_->thread.join();
  impl_->is_ending = true;
}

std::uint16_t Server::port() const { return impl_->port; }

std::string Server::address() const {
  return "http://127.0.0.1:" + std::to_string(impl_->port) + "/";
}

}  // namespace chantrace::view
