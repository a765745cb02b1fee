/// \file
/// What a client asks for, and what it is answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace chantrace::view {

/// What was asked for. Only GET and HEAD come through.
struct Request {
  std::string path;   ///< "/", "/3": what stands before a question mark, as it was sent.
  std::string query;  ///< What stands behind it; empty: nothing.
  /// Of one who listens again: the last event it has had; empty: none.
  std::string last_event_id;

  /// What stands behind `name=` in the query, as it was sent; nullopt: nothing does.
  std::optional<std::string_view> parameter(std::string_view name) const;
  /// The same with what a client has written as %20 or + put back.
  std::optional<std::string> text(std::string_view name) const;
  /// The parameter as a number; `fallback`: there is none. nullopt: it is no number.
  std::optional<std::uint64_t> number(std::string_view name, std::uint64_t fallback) const;
};

struct Response {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body = {};  ///< nullptr: empty.
  /// More that follows the body: called whenever the client has taken what there was. An empty
  /// text: nothing yet, ask again soon. nullopt: that was all.
  std::function<std::optional<std::string>()> more = {};
};

/// A line of text.
Response refuse(unsigned status, std::string_view why);

/// nullopt: `text` is no number of decimal digits.
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace chantrace::view
