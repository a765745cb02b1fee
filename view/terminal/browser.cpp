#include "browser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "details.h"

namespace chantrace::view {
namespace {

/// Of what is typed.
constexpr std::size_t kPromptBytesMax = 400;

void append_utf8(std::string& text, char32_t code) {
  const auto byte = [&](char32_t bits) { text += static_cast<char>(bits); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6);
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

void erase_last_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

/// Where the step of `before` is in a newer trace, in which other tasks' events may have come in
/// before it; 0: nowhere.
std::uint64_t same_step(const Subject& before, std::uint64_t step, const Subject& newer) {
  const Step& old = before.step(step);
  const EventRecord& event = event_at(before.scene().trace, old.place);
  for (const std::uint64_t one : newer.index().steps_of_lane(newer.timeline().lane_of(old.task))) {
    const EventRecord& other = event_at(newer.scene().trace, newer.step(one).place);
    const bool is_same = other.operation == event.operation && other.object == event.object &&
                         other.sequence == event.sequence && other.flags == event.flags;
    if (is_same && (event.sequence != 0 || other.time == event.time)) return one;
  }
  return 0;
}

}  // namespace

Browser::Browser(std::shared_ptr<const Subject> subject, bool is_live)
    : subject_(std::move(subject)), is_live_(is_live), is_following_(is_live) {
  const std::uint64_t count = subject_->steps_count();
  seen_count_ = count;
  if (!subject_->timeline().lanes.empty()) lane_ = 0;
  std::uint64_t first = count == 0 ? 0 : 1;
  if (is_live) first = count;
  for (std::size_t i = 0; !is_live && i < subject_->findings().size(); ++i) {
    if (subject_->finding_steps(i).empty()) continue;
    if (subject_->findings()[i].certainty == Certainty::kNote) continue;
    finding_ = chosen_finding_ = i;
    first = subject_->finding_steps(i).front();
    break;
  }
  step_ = first;
  if (step_ != 0) lane_ = subject_->lane_of_step(step_);
  lay_out_again();
}

void Browser::renew(std::shared_ptr<const Subject> subject) {
  const bool stays = !is_following_ && step_ != 0;
  const std::uint64_t same = stays ? same_step(*subject_, step_, *subject) : 0;
  if (stays && same == 0) {
    // What is looked at is no more in what is newer, of which there are the last events alone.
    newest_ = std::move(subject);
    return;
  }
  show_newer(std::move(subject), same);
}

void Browser::show_newer(std::shared_ptr<const Subject> subject, std::uint64_t step) {
  const std::shared_ptr<const Subject> before = std::exchange(subject_, std::move(subject));
  const Timeline& timeline = subject_->timeline();
  newest_ = nullptr;
  finding_.reset();
  chosen_finding_ = 0;
  trail_.clear();
  if (lane_ != kNoLane) lane_ = timeline.lane_of(before->timeline().lanes[lane_].task);
  if (lane_ == kNoLane && !timeline.lanes.empty()) lane_ = 0;
  step_ = step != 0 ? step : subject_->steps_count();
  if (step == 0 && step_ != 0) lane_ = subject_->lane_of_step(step_);
  if (!query_.empty()) matches_ = subject_->search_texts().find(query_);
  lay_out_again();
}

void Browser::resize(std::size_t rows, std::size_t columns) {
  rows_ = rows;
  columns_ = columns;
  lay_out_again();
}

std::uint64_t Browser::news_count() const {
  const std::uint64_t count = subject_->steps_count();
  return is_live_ && !is_following_ && count > seen_count_ ? count - seen_count_ : 0;
}

bool Browser::is_match(std::uint64_t step) const {
  return std::binary_search(matches_.begin(), matches_.end(), step);
}

bool Browser::handle(const Key& key) {
  message_.clear();
  const bool was_following = is_following_;
  const bool goes_on = act_on(key);
  is_following_ = is_live_ && step_ == subject_->steps_count();
  if (was_following && !is_following_) seen_count_ = subject_->steps_count();
  return goes_on;
}

bool Browser::act_on(const Key& key) {
  if (prompt_) {
    handle_prompt(key);
    return true;
  }
  switch (key.kind) {
    case Key::Kind::kCharacter:
      return handle_character(key.character);
    case Key::Kind::kEnter:
      handle_enter();
      break;
    case Key::Kind::kTab:
      switch_to(show_ == Show::kLanes ? Show::kList : Show::kLanes);
      break;
    case Key::Kind::kBackspace:
      go_back();
      break;
    case Key::Kind::kEscape:
      if (is_text()) {
        switch_to(back_to_);
      } else {
        query_.clear();
        matches_.clear();
        finding_.reset();
      }
      break;
    case Key::Kind::kOther:
      break;
    default:
      is_text() ? handle_text_arrow(key.kind) : handle_arrow(key.kind);
  }
  return true;
}

bool Browser::handle_character(char32_t character) {
  const auto arrow = [&](Key::Kind kind) {
    is_text() ? handle_text_arrow(kind) : handle_arrow(kind);
    return true;
  };
  switch (character) {
    case 'q':
      if (!is_text()) return false;
      switch_to(back_to_);
      return true;
    case '?':
      switch_to(show_ == Show::kHelp ? back_to_ : Show::kHelp);
      return true;
    case 'e':
      switch_to(show_ == Show::kFindings ? back_to_ : Show::kFindings);
      return true;
    case 'v':
      switch_to(show_ == Show::kLanes ? Show::kList : Show::kLanes);
      return true;
    case '/':
      prompt_ = Prompt{Prompt::Kind::kSearch, {}};
      return true;
    case 'g':
      prompt_ = Prompt{Prompt::Kind::kStep, {}};
      return true;
    case 'h':
      return arrow(Key::Kind::kLeft);
    case 'l':
      return arrow(Key::Kind::kRight);
    case 'k':
      return arrow(Key::Kind::kUp);
    case 'j':
      return arrow(Key::Kind::kDown);
    default:
      break;
  }
  if (character >= '1' && character <= '9')
    go_to_finding(static_cast<std::size_t>(character - '1'));
  else if (!is_text())
    handle_movement(character);
  return true;
}

void Browser::handle_movement(char32_t character) {
  switch (character) {
    case 'n':
      return go_to_match(true);
    case 'N':
      return go_to_match(false);
    case ']':
      return go_along_lane(true);
    case '[':
      return go_along_lane(false);
    case '}':
      return go_along_object(true);
    case '{':
      return go_along_object(false);
    case '>':
      return go_to_preemption(true);
    case '<':
      return go_to_preemption(false);
    case ')':
      return go_to(std::min(step_ + std::max<std::uint64_t>(scale_.steps_in(lane_columns()) / 2, 1),
                            subject_->steps_count()));
    case '(': {
      const std::uint64_t half = std::max<std::uint64_t>(scale_.steps_in(lane_columns()) / 2, 1);
      return go_to(step_ > half ? step_ - half : 1);
    }
    case '+':
    case '=':
      return zoom(true);
    case '-':
      return zoom(false);
    case '0':
      scale_ = scale_for_all(subject_->steps_count(), lane_columns());
      is_zoomed_ = scale_.steps_per_column > 1;
      return lay_out_again();
    case 'b':
      return go_back();
    case 'f':
      return follow();
    default:
      break;
  }
}

void Browser::handle_arrow(Key::Kind kind) {
  const std::uint64_t count = subject_->steps_count();
  const bool is_list = show_ == Show::kList;
  switch (kind) {
    case Key::Kind::kUp:
    case Key::Kind::kDown: {
      const bool is_down = kind == Key::Kind::kDown;
      if (is_list) return handle_arrow(is_down ? Key::Kind::kRight : Key::Kind::kLeft);
      if (lane_ == kNoLane || (lane_ == 0 && !is_down)) return;
      return go_to_lane(is_down ? lane_ + 1 : lane_ - 1);
    }
    case Key::Kind::kLeft:
      if (step_ > 1) return go_to(step_ - 1);
      message_ = "this is the first step";
      return;
    case Key::Kind::kRight:
      if (step_ < count) return go_to(step_ + 1);
      message_ = "this is the last step";
      return;
    case Key::Kind::kHome:
      return go_to(1);
    case Key::Kind::kEnd:
      return follow();
    case Key::Kind::kPageUp:
      return page(false);
    case Key::Kind::kPageDown:
      return page(true);
    default:
      return;
  }
}

void Browser::handle_text_arrow(Key::Kind kind) {
  const std::size_t count = subject_->findings().size();
  const bool is_list = show_ == Show::kFindings;
  const auto choose = [&](std::size_t finding) {
    if (finding < count && finding != chosen_finding_) {
      chosen_finding_ = finding;
      scroll_ = 0;
    }
  };
  const auto page_rows = static_cast<std::int64_t>(layout_.main.rows / 2);
  switch (kind) {
    case Key::Kind::kUp:
      if (!is_list) return scroll_text(-1);
      return choose(chosen_finding_ == 0 ? 0 : chosen_finding_ - 1);
    case Key::Kind::kDown:
      return is_list ? choose(chosen_finding_ + 1) : scroll_text(1);
    case Key::Kind::kHome:
      scroll_ = 0;
      return choose(0);
    case Key::Kind::kEnd:
      return is_list && count > 0 ? choose(count - 1) : scroll_text(1'000);
    case Key::Kind::kPageUp:
      return scroll_text(-page_rows);
    case Key::Kind::kPageDown:
      return scroll_text(page_rows);
    default:
      return;
  }
}

void Browser::handle_enter() {
  if (show_ == Show::kHelp) return switch_to(back_to_);
  if (show_ == Show::kFindings) return go_to_finding(chosen_finding_);
  if (step_ == 0) return;
  if (lane_ != subject_->lane_of_step(step_)) {
    const auto steps = subject_->index().steps_of_lane(lane_);
    const std::uint64_t last = previous_of(steps, step_ + 1);
    return jump_to(last != 0 ? last : next_of(steps, step_), "this task makes no step");
  }
  jump_to(partner_of(*subject_, step_), "nothing leads here from another task, nor away from here");
}

void Browser::handle_prompt(const Key& key) {
  std::string& text = prompt_->text;
  switch (key.kind) {
    case Key::Kind::kCharacter: {
      const bool is_digit = key.character >= '0' && key.character <= '9';
      if (prompt_->kind == Prompt::Kind::kStep && !is_digit && key.character != ',') return;
      if (key.character >= ' ' && text.size() < kPromptBytesMax) append_utf8(text, key.character);
      return;
    }
    case Key::Kind::kBackspace:
      if (text.empty()) return prompt_.reset();
      return erase_last_character(text);
    case Key::Kind::kEscape:
      return prompt_.reset();
    case Key::Kind::kEnter: {
      const Prompt prompt = std::move(*prompt_);
      prompt_.reset();
      if (prompt.kind == Prompt::Kind::kStep) return go_to_text(prompt.text);
      query_ = prompt.text;
      return search();
    }
    default:
      return;
  }
}

void Browser::search() {
  matches_ = subject_->search_texts().find(query_);
  if (matches_.empty()) {
    message_ = query_.empty() ? "" : "no step has all of that";
    return;
  }
  if (is_text()) switch_to(back_to_);
  const std::uint64_t next = next_of(matches_, step_ == 0 ? 0 : step_ - 1);
  jump_to(next != 0 ? next : matches_.front(), "");
}

void Browser::go_to_text(const std::string& text) {
  std::string digits = text;
  std::erase(digits, ',');
  if (digits.empty()) return;
  std::uint64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (error != std::errc() || step < 1 || step > subject_->steps_count()) {
    message_ = fmt::format("there are steps 1 to {}", grouped(subject_->steps_count()));
    return;
  }
  if (is_text()) switch_to(back_to_);
  jump_to(step, "");
}

void Browser::switch_to(Show show) {
  if (show == show_) return;
  if (!is_text()) back_to_ = show_;
  show_ = show;
  scroll_ = 0;
  lay_out_again();
}

void Browser::scroll_text(std::int64_t rows) {
  std::size_t lines = 0;
  if (show_ == Show::kHelp) {
    const auto help = rows_of_help(subject_->trace().header.is_controlled, Charset::kUtf8);
    lines = wrapped(help, label_columns_of(help), columns_ - 2, Charset::kUtf8).size();
  } else if (chosen_finding_ < subject_->findings().size()) {
    const auto finding = rows_of_finding(*subject_, chosen_finding_);
    lines = wrapped(finding, label_columns_of(finding), columns_ - 2, Charset::kUtf8).size();
  }
  const auto last = static_cast<std::int64_t>(lines > 0 ? lines - 1 : 0);
  scroll_ = static_cast<std::size_t>(
      std::clamp<std::int64_t>(static_cast<std::int64_t>(scroll_) + rows, 0, last));
}

std::size_t Browser::lane_columns() const {
  const std::size_t columns = layout_.main.columns;
  return columns > gutter_ + 1 ? columns - gutter_ - 1 : 1;
}

void Browser::lay_out_again() {
  if (is_too_small()) return;
  const std::size_t lanes = subject_->timeline().lanes.size();
  const bool is_list = show_ == Show::kList;
  // An axis above, and a line between two lanes.
  const std::size_t lane_rows = 2 * lanes + 2;
  layout_ = lay_out({.rows = rows_,
                     .columns = columns_,
                     .main_rows = is_list ? rows_ : std::min(lane_rows, rows_),
                     .state_rows = subject_->standings().objects().size(),
                     .is_whole = is_text()});
  gutter_ = std::clamp<std::size_t>(subject_->names_width() + 2, 8,
                                    std::max<std::size_t>(layout_.main.columns / 4, 10));
  if (!is_zoomed_) scale_ = scale_for(subject_->steps_count(), lane_columns());
  fit_lanes();
  bring_into_sight();
}

void Browser::fit_lanes() {
  const std::size_t lanes = subject_->timeline().lanes.size();
  // The axis above, what part is seen below.
  const std::size_t room = layout_.main.rows > 2 ? layout_.main.rows - 2 : 1;
  lane_pitch_ = lanes * 2 <= room + 1 ? 2 : 1;
  lanes_shown_ = std::min(lanes, room / lane_pitch_ + (lane_pitch_ == 2 ? room % 2 : 0));
}

void Browser::bring_into_sight() {
  if (is_too_small()) return;
  const std::uint64_t count = subject_->steps_count();
  scale_ = scrolled_to(scale_, std::max<std::uint64_t>(step_, 1), count, lane_columns());
  if (lane_ != kNoLane && lanes_shown_ > 0) {
    if (lane_ < first_lane_) first_lane_ = lane_;
    if (lane_ >= first_lane_ + lanes_shown_) first_lane_ = lane_ + 1 - lanes_shown_;
    first_lane_ = std::min(first_lane_, subject_->timeline().lanes.size() - lanes_shown_);
  }
  const std::uint64_t rows = std::max<std::size_t>(layout_.main.rows, 2) - 1;
  const std::uint64_t margin = std::min<std::uint64_t>(2, (rows - 1) / 2);
  if (step_ < first_row_ + margin) first_row_ = step_ > margin ? step_ - margin : 1;
  if (step_ + margin >= first_row_ + rows) first_row_ = step_ + margin + 1 - rows;
  first_row_ = std::min(first_row_, count + 1 > rows ? count + 1 - rows : 1);
  first_row_ = std::max<std::uint64_t>(first_row_, 1);
}

}  // namespace chantrace::view
