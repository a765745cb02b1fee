/// \file
/// A place in source code as a key, by the address of its file's name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace chantrace::detail {

/// Threads: a plain value.
struct Place {
  const char* file;
  std::uint32_t line;

  friend bool operator==(const Place&, const Place&) = default;
};

struct PlaceHash {
  std::size_t operator()(const Place& place) const {
    return std::hash<const void*>()(place.file) * 31 + place.line;
  }
};

}  // namespace chantrace::detail
