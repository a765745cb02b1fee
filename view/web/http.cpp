// The only file that knows of Boost.Beast, which takes 10 s to compile.
#include "http.h"

#include <fcntl.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <csignal>
#include <exception>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>
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

/// Signals are for the program's own threads.
std::thread start_quiet(const std::function<void()>& run) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread(run);
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

/// How soon a client that has all there was is asked for more.
constexpr auto kMorePause = std::chrono::milliseconds(50);
/// After so many pauses in a row it is sent a comment, to learn whether it is still there.
constexpr int kPausesMax = 200;

/// In a time that tells nothing of `right`.
bool is_same_secret(std::string_view left, std::string_view right) {
  unsigned difference = left.size() == right.size() ? 0 : 1;
  for (std::size_t i = 0; i < left.size(); ++i)
    difference |= static_cast<unsigned char>(left[i]) ^
                  static_cast<unsigned char>(right.empty() ? 0 : right[i % right.size()]);
  return difference == 0;
}

/// Whether a request's host is this machine, as a browser spells it.
bool is_this_machine(std::string_view host, std::uint16_t port) {
  const std::string suffix = ":" + std::to_string(port);
  for (const std::string_view name : {"127.0.0.1", "localhost", "[::1]"})
    if (host == std::string(name) + suffix || (port == 80 && host == name)) return true;
  return false;
}

}  // namespace

bool Address::is_loopback() const {
  beast::error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

std::string Address::host_and_port() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Address::url() const {
  return "http://" + host_and_port() + "/" + (token.empty() ? "" : "?token=" + token);
}

Result<Address, std::string> parse_address(std::string_view text) {
  const std::string whole(text);
  const auto fail = [&](std::string_view why) {
    return "\"" + whole + "\" is no address: " + std::string(why) +
           "; expected is HOST:PORT, such as 127.0.0.1:4884";
  };
  Address address;
  if (text.starts_with("http://")) text.remove_prefix(7);
  if (const std::size_t slash = text.find_first_of("/?"); slash != std::string_view::npos) {
    const std::string_view behind = text.substr(slash);
    text = text.substr(0, slash);
    Request request;
    if (const std::size_t question = behind.find('?'); question != std::string_view::npos)
      request.query = behind.substr(question + 1);
    address.token = request.parameter("token").value_or("");
  }
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return fail("\"]\" is missing");
    address.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return fail("a port follows behind \":\"");
  } else {
    const std::size_t colon = text.find(':');
    const std::string_view host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
    if (host.find_first_not_of("0123456789") == std::string_view::npos && !host.empty() &&
        port.empty())
      port = host;  // A number alone is a port.
    else if (!host.empty() && host != "localhost")
      address.host = host;
  }
  if (port.starts_with(':')) port.remove_prefix(1);
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || end != port.data() + port.size())
      return fail("its port is no number up to 65535");
  }
  beast::error_code error;
  asio::ip::make_address(address.host, error);
  if (error) return fail("its host is no number, such as 127.0.0.1 or 0.0.0.0");
  return address;
}

struct Server::Impl {
  class Connection;

  Impl(const ServerOptions& what, Handler how)
      : options(what), handle(std::move(how)), acceptor(context), pause(context) {}

  void accept();
  void run();
  void note_end();

  const ServerOptions options;
  const Handler handle;
  // Connections go with the context, and still count themselves then.
  std::size_t connections = 0;
  bool is_ending = false;
  asio::io_context context{1};
  Tcp::acceptor acceptor;
  asio::steady_timer pause;
  Address address;
  bool is_accepting = false;
  std::thread thread;
};

/// One request and its answer.
class Server::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, Tcp::socket&& socket)
      : server_(server), stream_(std::move(socket)), pause_(server.context) {
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
    const std::string_view target = to_view(request.target());
    const std::size_t question = target.find('?');
    Request asked;
    asked.path = target.substr(0, question);
    if (question != std::string_view::npos) asked.query = target.substr(question + 1);
    asked.last_event_id = to_view(request["Last-Event-ID"]);
    const std::string& token = server_.address.token;
    const bool is_own = to_view(request[http::field::host]) == server_.address.host_and_port();
    if (token.empty() && !is_own &&
        !is_this_machine(to_view(request[http::field::host]), server_.address.port))
      return text(403, "this server answers to 127.0.0.1 and localhost alone");
    if (!token.empty() && !knows_token(request, asked))
      return text(401, "this takes the token of the address that the program has printed");
    // Another site may lead here, and not make use of what is here.
    if (to_view(request["Sec-Fetch-Site"]) == "cross-site" &&
        to_view(request["Sec-Fetch-Mode"]) != "navigate")
      return text(403, "this is for pages of this server alone");
    if (request.method() != http::verb::get && request.method() != http::verb::head)
      return text(405, "there is only something to get here");
    try {
      return server_.handle(asked);
    } catch (const std::exception& failure) {
      return text(500, failure.what());
    }
  }

  bool knows_token(const http::request<http::string_body>& request, const Request& asked) const {
    constexpr std::string_view kBearer = "Bearer ";
    std::string_view given = to_view(request[http::field::authorization]);
    if (given.starts_with(kBearer)) given.remove_prefix(kBearer.size());
    if (const auto parameter = asked.parameter("token")) given = *parameter;
    return is_same_secret(given, server_.address.token);
  }

  void write(Response response, bool is_head) {
    more_ = std::move(response.more);
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
    // The end of one that goes on is that of the connection.
    if (!more_) response_->content_length(body.size());
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
      if (self->more_ && !is_head) return self->send_more();
      beast::error_code ignored;
      self->stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
      self->drain();
    };
    if (is_head)
      http::async_write_header(stream_, *serializer_, then);
    else
      http::async_write_some(stream_, *serializer_, then);
  }

  void send_more() {
    std::optional<std::string> text;
    try {
      text = more_();
    } catch (const std::exception&) {
      return;  // In the middle of an answer no other one can be given.
    }
    if (!text) return;
    if (text->empty() && ++pauses_ < kPausesMax) {
      pause_.expires_after(kMorePause);
      return pause_.async_wait([self = shared_from_this()](beast::error_code error) {
        if (!error) self->send_more();
      });
    }
    pauses_ = 0;
    part_ = text->empty() ? ":\n\n" : std::move(*text);
    send_part(0);
  }

  /// In pieces, each within the client's patience.
  void send_part(std::size_t from) {
    stream_.expires_after(server_.options.patience);
    stream_.async_write_some(
        asio::buffer(part_.data() + from, part_.size() - from),
        [self = shared_from_this(), from](beast::error_code error, std::size_t size) {
          if (error) return;
          if (from + size < self->part_.size()) return self->send_part(from + size);
          self->send_more();
        });
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
  std::function<std::optional<std::string>()> more_;
  std::string part_;
  int pauses_ = 0;
  asio::steady_timer pause_;
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
      ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
      std::make_shared<Connection>(*this, std::move(socket))->read();
      return accept();
    }
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](beast::error_code stopped) {
      if (!stopped) accept();
    });
  });
}

void Server::Impl::run() {
  while (!context.stopped()) {
    try {
      context.run();
    } catch (const std::exception&) {
      // That client is dropped; there may be memory again for the next one.
    }
  }
}

void Server::Impl::note_end() {
  --connections;
  if (!is_ending) accept();
}

Result<std::unique_ptr<Server>, std::string> Server::start(const ServerOptions& options,
                                                           Handler handle) {
  auto impl = std::make_unique<Impl>(options, std::move(handle));
  impl->address = options.address;
  beast::error_code error;
  const auto host = asio::ip::make_address(options.address.host, error);
  const Tcp::endpoint endpoint(host, options.address.port);
  if (!error) impl->acceptor.open(endpoint.protocol(), error);
  // A program that this one starts has nothing to do with it.
  if (!error) ::fcntl(impl->acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  // Connections that were closed a moment ago must not hold the port.
  if (!error) impl->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
  const std::string where = options.address.host_and_port();
  if (error == asio::error::address_in_use)
    return where + " is in use by another program; port 0 takes one that is free";
  if (error) return where + ": cannot serve there: " + error.message();
  impl->address.port = impl->acceptor.local_endpoint().port();
  impl->accept();
  std::function<void()> run = [impl = impl.get()] { impl->run(); };
  try {
    impl->thread = options.start_thread ? options.start_thread(std::move(run)) : start_quiet(run);
  } catch (const std::system_error& failure) {
    return where + ": no thread can be started to serve there: " + failure.what();
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  impl_->context.stop();
  impl_->thread.join();
  impl_->is_ending = true;
}

std::uint16_t Server::port() const { return impl_->address.port; }

std::string Server::address() const { return impl_->address.url(); }

namespace {

/// One request, answered or given up.
class Fetch {
 public:
  Fetch(const Address& address, std::string_view target, std::size_t bytes_max,
        std::chrono::milliseconds patience)
      : address_(address), bytes_max_(bytes_max), stream_(context_) {
    request_.method(http::verb::get);
    request_.target({target.data(), target.size()});
    request_.version(11);
    request_.set(http::field::host, address.host_and_port());
    if (!address.token.empty()) request_.set(http::field::authorization, "Bearer " + address.token);
    // Its own limit lets a long response through in Boost 1.74, so that `read_some` looks itself.
    parser_.body_limit(std::numeric_limits<std::uint64_t>::max());
    stream_.expires_after(patience);
  }

  Result<std::string, FetchError> run() {
    try {
      return answer();
    } catch (const std::exception& failure) {
      return FetchError{address_.host_and_port() + ": " + failure.what()};
    }
  }

 private:
  Result<std::string, FetchError> answer() {
    const auto read = [this](beast::error_code error, std::size_t) {
      if (error) return fail(error);
      http::async_read_header(stream_, buffer_, parser_,
                              [this](beast::error_code failed, std::size_t) {
                                if (failed) return fail(failed);
                                // What is announced would be made room for at once.
                                if (parser_.content_length().value_or(0) > bytes_max_)
                                  return fail(http::error::body_limit);
                                if (!parser_.is_done()) read_some();
                              });
    };
    const auto write = [&](beast::error_code error) {
      if (error) return fail(error);
      http::async_write(stream_, request_, read);
    };
    beast::error_code error;
    const auto host = asio::ip::make_address(address_.host, error);
    if (error) return FetchError{address_.host + ": " + error.message()};
    stream_.async_connect(Tcp::endpoint(host, address_.port), write);
    context_.run();
    if (error_ == asio::error::connection_refused)
      return FetchError{"nothing serves at " + address_.host_and_port() +
                        "; a program does with CHANTRACE=web, or with Options().web()"};
    if (error_) return FetchError{address_.host_and_port() + ": " + error_.message()};
    const auto& response = parser_.get();
    if (response.result() == http::status::ok) return std::move(parser_.get().body());
    // Whoever answers there may be anyone.
    return FetchError{
        address_.host_and_port() + " answers " + std::to_string(response.result_int()) + ": " +
        response.body().substr(0, std::min<std::size_t>(response.body().find('\n'), 200))};
  }

  void fail(beast::error_code error) { error_ = error; }

  void read_some() {
    http::async_read_some(stream_, buffer_, parser_, [this](beast::error_code error, std::size_t) {
      if (error) return fail(error);
      if (parser_.get().body().size() > bytes_max_) return fail(http::error::body_limit);
      if (!parser_.is_done()) read_some();
    });
  }

  const Address& address_;
  const std::size_t bytes_max_;
  asio::io_context context_{1};
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  http::response_parser<http::string_body> parser_;
  beast::error_code error_;
};

}  // namespace

Result<std::string, FetchError> fetch(const Address& address, std::string_view target,
                                      std::size_t bytes_max, std::chrono::milliseconds patience) {
  return Fetch(address, target, bytes_max, patience).run();
}

}  // namespace chantrace::view
