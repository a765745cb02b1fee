/// \file
/// What the panels say of a step, a task, the objects and the findings: rows of words, before they
/// are laid out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "frame.h"
#include "subject.h"

namespace chantrace::view {

/// "waits      3 steps, 0.8 ms".
struct DetailRow {
  std::string label;  ///< Empty: goes on with the row above.
  std::string text;
  Ink ink = Ink::kPlain;

  friend bool operator==(const DetailRow&, const DetailRow&) = default;
};

/// The same in lines of so many columns, of which labels take `label_columns`; what does not fit
/// into one goes on in the next.
std::vector<DetailRow> wrapped(const std::vector<DetailRow>& rows, std::size_t label_columns,
                               std::size_t columns, Charset charset);
/// Columns that the labels take, with the gap behind them.
std::size_t label_columns_of(const std::vector<DetailRow>& rows);

/// What a step is, how long it waited, what led to it, and what it led to.
std::vector<DetailRow> rows_of_step(const Subject& subject, std::uint64_t step);

/// What a task that did not make the step does at it, and why it goes no further if it is stuck.
std::vector<DetailRow> rows_of_lane(const Subject& subject, std::uint32_t lane, std::uint64_t step);

/// All that is known of a finding, and who waits for whom.
std::vector<DetailRow> rows_of_finding(const Subject& subject, std::size_t finding);

/// Who waits for whom in a deadlock, a line each: "left waits for right: lock(nu), held by right
/// since a.cpp:71". None for other findings.
std::vector<std::string> cycle_in_words(const Subject& subject, std::size_t finding);

/// How an object stands.
struct StateRow {
  std::string object;  ///< "channel jobs"
  std::string name;    ///< "jobs"
  std::string state;
  std::string waiting;      ///< "waits: left"; empty: nobody.
  bool is_touched = false;  ///< By the step.

  friend bool operator==(const StateRow&, const StateRow&) = default;
};

struct StateTable {
  std::vector<StateRow> rows;
  std::size_t more_count = 0;  ///< Objects for which there is no room.
};

/// After `step`, of at most `rows_max` objects: where not all have room, those first that the step
/// is about.
///
/// Cost: that of so many standings, whatever the trace.
StateTable state_table(const Subject& subject, std::uint64_t step, std::size_t rows_max);

/// Where Enter leads: to what led to this step, else to what it led to, else to the end of its
/// wait. 0: nowhere.
std::uint64_t partner_of(const Subject& subject, std::uint64_t step);

/// Whom a task of a deadlock waits for: the lane, by the index of its step in the cycle.
std::uint32_t next_in_cycle(const Subject& subject, std::size_t finding, std::size_t index);

/// The keys, and what they do.
std::vector<DetailRow> rows_of_help(bool is_controlled, Charset charset);

}  // namespace chantrace::view
