/// \file
/// A channel as Go's specification describes it, for one task: what the real one is compared with.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <ostream>

namespace chantrace {

/// Operations that would wait are not carried out: the model says that they are not ready.
struct ModelChannel {
  bool is_nil = false;
  std::size_t capacity = 0;
  std::deque<int> values;
  bool is_closed = false;

  enum class SendEnd { kSent, kNotReady, kThrows };
  struct RecvEnd {
    enum class Kind { kReceived, kNotReady, kClosed } kind;
    int value = 0;
  };

  bool can_send() const { return !is_nil && (is_closed || values.size() < capacity); }
  bool can_recv() const { return !is_nil && (is_closed || !values.empty()); }

  SendEnd try_send(int value) {
    if (!can_send()) return SendEnd::kNotReady;
    if (is_closed) return SendEnd::kThrows;
    values.push_back(value);
    return SendEnd::kSent;
  }
  RecvEnd try_recv() {
    if (!can_recv()) return {RecvEnd::Kind::kNotReady};
    if (values.empty()) return {RecvEnd::Kind::kClosed};
    const int value = values.front();
    values.pop_front();
    return {RecvEnd::Kind::kReceived, value};
  }
  /// False: it throws.
  bool close() {
    if (is_nil || is_closed) return false;
    is_closed = true;
    return true;
  }
};

inline std::ostream& operator<<(std::ostream& out, const ModelChannel& channel) {
  if (channel.is_nil) return out << "nil";
  out << "cap=" << channel.capacity << (channel.is_closed ? " closed" : "") << " {";
  for (const int value : channel.values) out << " " << value;
  return out << " }";
}

}  // namespace chantrace
