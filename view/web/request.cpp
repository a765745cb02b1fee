#include "request.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace chantrace::view {

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part.size() > name.size() && part[name.size()] == '=' && part.starts_with(name))
      return part.substr(name.size() + 1);
  }
  return std::nullopt;
}

std::optional<std::string> Request::text(std::string_view name) const {
  const auto sent = parameter(name);
  if (!sent) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < sent->size(); ++i) {
    unsigned char byte = 0;
    const char* const digits = sent->data() + i + 1;
    if ((*sent)[i] == '%' && i + 2 < sent->size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      text += static_cast<char>(byte);
      i += 2;
    } else {
      text += (*sent)[i] == '+' ? ' ' : (*sent)[i];
    }
  }
  return text;
}

std::optional<std::uint64_t> Request::number(std::string_view name, std::uint64_t fallback) const {
  const auto sent = parameter(name);
  return sent ? parse_number(*sent) : fallback;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Response refuse(unsigned status, std::string_view why) {
  return {.status = status, .body = std::make_shared<std::string>(std::string(why) + "\n")};
}

}  // namespace chantrace::view
