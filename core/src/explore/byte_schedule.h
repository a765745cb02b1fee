/// \file
/// Bytes decide an execution, and the decisions of an execution become bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "../runtime/strategy.h"
#include "deviation.h"
#include "switch_edges.h"

namespace chantrace::detail {

/// A task that was picked before it knew its next operation, and is asked about again.
class PickedTask {
 public:
  /// `kNobody`: there is none.
  std::size_t find(std::span<const Runnable> runnable) const;
  void note(const Runnable& picked);
  void forget() { waits_to_know_ = false; }

 private:
  std::uint32_t task_ = kClockTask;
  bool waits_to_know_ = false;
};

/// Lets each task run as long as it can, and gets the first of all choices, but where the bytes
/// deviate from that. Is asked as `ReplaySchedule` is, so that whatever execution there is has
/// bytes.
class ByteSchedule final : public Strategy {
 public:
  explicit ByteSchedule(std::span<std::uint8_t> edges) : edges_(edges) {}

  /// For the executions to come. `bytes` must outlive them.
  void follow(std::span<const std::uint8_t> bytes) { bytes_ = bytes; }
  /// Of the last execution.
  std::uint64_t decisions() const { return decisions_; }
  std::uint32_t tasks() const { return tasks_; }

  void begin(std::uint64_t) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  void note_start(std::uint32_t, std::uint32_t child) override { tasks_ = child; }
  bool looks_ahead() const override { return false; }
  bool is_asked_always() const override { return true; }
  std::string_view name() const override { return "bytes"; }

 private:
  /// What the bytes say of the decision that is made now; nullopt: nothing.
  std::optional<Deviation> deviate();

  std::span<const std::uint8_t> bytes_;
  SwitchEdges edges_;
  PickedTask picked_;
  DeviationReader reader_;
  std::optional<Deviation> next_;
  std::uint32_t tasks_ = 1;  ///< That were started.
  std::uint64_t decisions_ = 0;
};

/// Lets another strategy decide, and keeps the bytes under which `ByteSchedule` decides the same.
class ByteRecorder final : public Strategy {
 public:
  /// `decides` must outlive this, not look ahead, and want to be asked always.
  explicit ByteRecorder(Strategy& decides) : decides_(decides) {}
  /// Of the last execution.
  std::vector<std::uint8_t> bytes() const;

  void begin(std::uint64_t seed) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  bool looks_ahead() const override { return false; }
  bool is_asked_always() const override { return true; }
  std::string_view name() const override { return decides_.name(); }

 private:
  struct Decision {
    bool deviates = false;
    std::uint32_t which = 0;
    bool only_looks = false;
  };

  Strategy& decides_;
  PickedTask picked_;
  std::size_t picked_at_ = 0;  ///< Among the decisions.
  std::vector<Decision> made_;
};

}  // namespace chantrace::detail
