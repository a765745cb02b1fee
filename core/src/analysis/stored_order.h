/// \file
/// The order of all events of a stored trace, in memory that does not grow with what they say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "../trace/stored_trace.h"

namespace chantrace {

/// Numbers of streams, one after the other, in as many bytes each as the greatest needs.
///
/// Threads: a plain value.
class StreamNumbers {
 public:
  explicit StreamNumbers(std::size_t streams_count)
      : width_(streams_count <= 1u << 8    ? 1
               : streams_count <= 1u << 16 ? 2
                                           : 4) {}

  void reserve(std::size_t count) { bytes_.reserve(count * width_); }
  void push_back(std::uint32_t stream) {
    for (std::size_t i = 0; i < width_; ++i)
      bytes_.push_back(static_cast<std::uint8_t>(stream >> (8 * i)));
  }
  std::size_t size() const { return bytes_.size() / width_; }
  std::uint32_t operator[](std::size_t index) const {
    std::uint32_t stream = 0;
    for (std::size_t i = 0; i < width_; ++i)
      stream |= static_cast<std::uint32_t>(bytes_[index * width_ + i]) << (8 * i);
    return stream;
  }

 private:
  std::size_t width_;
  std::vector<std::uint8_t> bytes_;
};

/// Calls `visit` with each item of `trace`, as the stream's number and the item, in the order that
/// `order_events` gives the events of the whole.
///
/// Cost: linear in items, which are decoded twice; oftener only where thousands of streams go on at
/// once. Memory: some bytes an object, and what the cursors hold.
///
/// Errors: why there is no such order; `visit` has then been called with a part of the items.
std::optional<std::string> visit_in_order(
    detail::StoredTrace& trace,
    const std::function<void(std::uint32_t stream, const EventRecord& item)>& visit);

}  // namespace chantrace
