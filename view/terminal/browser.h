/// \file
/// Where a person is in a trace, and what each key does there. Draws nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "key.h"
#include "lane_cells.h"
#include "layout.h"
#include "subject.h"

namespace chantrace::view {

/// The main part of the screen.
enum class Show : std::uint8_t { kLanes, kList, kFindings, kHelp };

/// A line that is being typed.
struct Prompt {
  enum class Kind : std::uint8_t { kSearch, kStep };
  Kind kind = Kind::kSearch;
  std::string text;
};

/// Goes through one trace, or through the newer and newer ones of a live process.
///
/// - The step is one of the trace, or 0 where that has none.
/// - The lane is one of the trace, or `kNoLane` where that has none.
/// - The step and the lane are on the screen.
///
/// Threads: one thread at a time.
class Browser {
 public:
  /// Goes to the first finding's place, or to the first step; in a live trace to the last one, and
  /// stays there.
  Browser(std::shared_ptr<const Subject> subject, bool is_live);

  /// A newer one: at the end it follows, elsewhere it stays at the same step of the same task.
  /// Where that step is in it no more, what is shown stays until somebody wants to follow again.
  void renew(std::shared_ptr<const Subject> subject);
  /// No newer one will come.
  void end_live() { is_live_ = false; }
  void resize(std::size_t rows, std::size_t columns);
  /// Returns: false to quit.
  bool handle(const Key& key);

  const Subject& subject() const { return *subject_; }
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  bool is_too_small() const { return rows_ < kRowsMin || columns_ < kColumnsMin; }
  /// Requires: `!is_too_small()`.
  const Layout& layout() const { return layout_; }

  Show show() const { return show_; }
  std::uint64_t step() const { return step_; }
  std::uint32_t lane() const { return lane_; }
  const LaneScale& scale() const { return scale_; }
  std::size_t first_lane() const { return first_lane_; }
  /// Screen rows from one lane to the next.
  std::size_t lane_pitch() const { return lane_pitch_; }
  std::size_t lanes_shown() const { return lanes_shown_; }
  /// Columns for the names of lanes.
  std::size_t gutter() const { return gutter_; }
  std::uint64_t first_row() const { return first_row_; }  ///< Of the list: a step.
  std::size_t scroll() const { return scroll_; }          ///< Of findings and help, in rows.

  const std::string& query() const { return query_; }
  const std::vector<std::uint64_t>& matches() const { return matches_; }
  bool is_match(std::uint64_t step) const;
  /// The finding that was gone to, until the next one.
  std::optional<std::size_t> finding() const { return finding_; }
  std::size_t chosen_finding() const { return chosen_finding_; }
  const std::optional<Prompt>& prompt() const { return prompt_; }
  const std::string& message() const { return message_; }

  bool is_live() const { return is_live_; }
  bool is_following() const { return is_following_; }
  /// Steps that came since it stopped following.
  std::uint64_t news_count() const;

 private:
  bool act_on(const Key& key);
  /// Neither lanes nor steps are shown.
  bool is_text() const { return show_ == Show::kFindings || show_ == Show::kHelp; }
  bool handle_character(char32_t character);
  void handle_movement(char32_t character);
  void handle_arrow(Key::Kind kind);
  void handle_text_arrow(Key::Kind kind);
  void handle_enter();
  void handle_prompt(const Key& key);
  void search();
  void go_to_text(const std::string& text);

  void go_to(std::uint64_t step);
  /// Far away: `b` leads back.
  void jump_to(std::uint64_t step, const char* otherwise);
  void go_to_lane(std::uint32_t lane);
  void go_to_finding(std::size_t finding);
  void go_to_match(bool is_forward);
  void go_along_lane(bool is_forward);
  void go_along_object(bool is_forward);
  void go_to_preemption(bool is_forward);
  void go_back();
  void follow();
  /// `step`: where to be in it; 0: at its end.
  void show_newer(std::shared_ptr<const Subject> subject, std::uint64_t step);
  void page(bool is_forward);
  void zoom(bool is_in);
  void switch_to(Show show);
  void scroll_text(std::int64_t rows);

  void lay_out_again();
  void fit_lanes();
  void bring_into_sight();
  std::size_t lane_columns() const;

  std::shared_ptr<const Subject> subject_;
  std::shared_ptr<const Subject> newest_;  ///< That is not shown yet; nullptr: none.
  bool is_live_;
  bool is_following_;
  std::uint64_t seen_count_ = 0;  ///< Steps when it stopped following.

  std::size_t rows_ = 24;
  std::size_t columns_ = 80;
  Layout layout_;
  Show show_ = Show::kLanes;
  Show back_to_ = Show::kLanes;  ///< From findings and help.

  std::uint64_t step_ = 0;
  std::uint32_t lane_ = kNoLane;
  LaneScale scale_;
  bool is_zoomed_ = false;  ///< By hand, so that another size of the screen leaves it.
  std::size_t first_lane_ = 0;
  std::size_t lane_pitch_ = 1;
  std::size_t lanes_shown_ = 0;
  std::size_t gutter_ = 0;
  std::uint64_t first_row_ = 1;
  std::size_t scroll_ = 0;

  std::string query_;
  std::vector<std::uint64_t> matches_;
  std::optional<std::size_t> finding_;
  std::size_t chosen_finding_ = 0;
  std::optional<Prompt> prompt_;
  std::string message_;
  std::vector<std::uint64_t> trail_;  ///< Steps that were jumped from.
};

}  // namespace chantrace::view
