/// \file
/// Why an execution failed: which orders of operations it took, as plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "chantrace/end_state.h"

namespace chantrace {

/// An operation as a reader knows it.
struct Deed {
  std::uint64_t step = 0;  ///< In the execution, from 1; 0: it was never made.
  std::uint32_t task = 0;  ///< Index into `Explanation::tasks`.
  std::string text;        ///< "send(results)", and " #3" where the task has made it before.
  Site site;
  std::string preempted;  ///< The task that could have gone on instead; empty: none.

  friend bool operator==(const Deed&, const Deed&) = default;
};

/// An order without which the failure was not seen, or hardly ever.
struct DecisiveOrder {
  Deed first;
  Deed second;
  /// Of the schedules that were tried with the two the other way round, so many failed alike.
  std::uint64_t failed = 0;
  std::uint64_t schedules = 0;

  friend bool operator==(const DecisiveOrder&, const DecisiveOrder&) = default;
};

/// What `choose` gave, or which of several cases that were ready a select took, without which the
/// failure was not seen, or hardly ever.
struct DecisiveChoice {
  Deed deed;            ///< Of `choose`, `step` is the one before it.
  std::string outcome;  ///< "takes case 2, where case 1 was ready too", "gives 1"
  /// Of the schedules that were tried with another outcome, so many failed alike.
  std::uint64_t failed = 0;
  std::uint64_t schedules = 0;

  friend bool operator==(const DecisiveChoice&, const DecisiveChoice&) = default;
};

/// Tested, not proved: each number says how many schedules that rests on.
///
/// Threads: a plain value.
struct Explanation {
  std::vector<std::string> tasks;  ///< Names, in the order in which they were started.
  std::vector<Deed> deeds;         ///< All steps in their order, then those that were never made.
  /// Without each of them the test did not fail. Empty: it fails in any order, and with any choice.
  std::vector<DecisiveOrder> orders;
  std::vector<DecisiveChoice> choices;
  /// Of schedules like this one, with a decision or two left to chance, so many failed alike.
  std::uint64_t failed_nearby = 0;
  std::uint64_t nearby = 0;
  /// Behind this step the test failed however it went on, as far as was tried; 0: whatever is done.
  std::uint64_t decided_at = 0;
  std::uint64_t continuations = 0;  ///< So many were tried; 0: it is not known.

  friend bool operator==(const Explanation&, const Explanation&) = default;
};

/// The steps, a column for each task, with preemptions where they were. What matters least is left
/// out where there are many. Empty where there are none.
std::string steps_to_text(const Explanation& explanation, int indent = 2);
/// What decides, in words.
std::string reasons_to_text(const Explanation& explanation, int indent = 2);

/// How much is done to explain a failure.
struct ExplainLimits {
  /// For each order that may matter, and for each step that may decide; 0: nothing is explained.
  std::uint64_t schedules = 200;
  std::uint64_t executions = 20'000;  ///< Of all together, at most.
  std::chrono::nanoseconds budget = std::chrono::seconds(1);
};

}  // namespace chantrace
