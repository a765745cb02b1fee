#include "chantrace/finding.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "words.h"

namespace chantrace {
namespace {

// A finding stays on one screen however many tasks it is about: at most 25 lines with these.
constexpr std::size_t kFullParticipantsMax = 3;   // Three lines each.
constexpr std::size_t kShortParticipantsMax = 8;  // One line each.
constexpr std::size_t kReasonLinesMax = 8;
constexpr std::size_t kBehindMax = 3;
constexpr std::size_t kSitesMax = 4;

constexpr std::size_t kLabelWidthMin = 9;
constexpr std::size_t kLabelWidthMax = 24;

constexpr std::array<std::string_view, 19> kKindNames = {
    "deadlock",       "blocked",        "leaked",       "exception",
    "mutex_held",     "send_on_closed", "double_close", "negative_wait_group",
    "misuse",         "foreign_unlock", "value_left",   "lock_order",
    "lost_signal",    "race",           "step_limit",   "divergence",
    "foreign_thread", "inconsistent",   "uncertain"};
static_assert(kKindNames.size() == static_cast<std::size_t>(FindingKind::kUncertain) + 1);

/// Writes lines as two columns, who and what.
class Columns {
 public:
  Columns(int indent, std::size_t label_width)
      : indent_(static_cast<std::size_t>(std::max(indent, 0)), ' '), width_(label_width) {}

  void head(std::string_view text) {
    text_ += indent_;
    text_ += text;
    text_ += '\n';
  }
  void line(std::string_view label, std::string_view text) {
    text_ += indent_;
    text_ += "  ";
    text_ += label;
    if (label.size() < width_) text_.append(width_ - label.size(), ' ');
    text_ += "  ";
    text_ += text;
    text_ += '\n';
  }
  /// A site that the text names already is not said again.
  bool has(std::string_view text) const { return text_.find(text) != std::string::npos; }
  std::string take() { return std::move(text_); }

 private:
  std::string indent_;
  std::size_t width_;
  std::string text_;
};

std::string task_number(const Participant& participant) {
  return to_number(participant.task) == 0 ? ""
                                          : "task " + std::to_string(to_number(participant.task));
}

std::string origin(const Participant& participant) {
  std::string text = task_number(participant);
  if (participant.started_at.file.empty()) return text;
  text += text.empty() ? "started" : ", started";
  if (!participant.started_by.empty()) text += " by " + participant.started_by;
  return text + at(participant.started_at);
}

std::string short_line(const Participant& participant) {
  const std::string number = task_number(participant);
  std::string text;
  if (!number.empty() && number != participant.label) text = number + ", ";
  return text + participant.text + at(participant.site);
}

std::size_t label_width(const Finding& finding) {
  std::size_t width = kLabelWidthMin;
  const auto widen = [&](const std::vector<Participant>& participants, std::size_t shown_max) {
    for (std::size_t i = 0; i < std::min(participants.size(), shown_max); ++i)
      width = std::max(width, participants[i].label.size());
  };
  widen(finding.participants, kShortParticipantsMax);
  widen(finding.behind, kBehindMax);
  return std::min(width, kLabelWidthMax);
}

void write_participants(Columns& columns, const std::vector<Participant>& participants) {
  if (participants.size() <= kFullParticipantsMax) {
    for (const Participant& participant : participants) {
      std::string_view label = participant.label;
      if (const std::string text = origin(participant); !text.empty() && text != label) {
        columns.line(label, text);
        label = "";
      }
      const std::string doing = participant.text + at(participant.site);
      if (doing.size() <= 72 || participant.site.file.empty()) {
        columns.line(label, doing);
      } else {
        columns.line(label, participant.text);
        columns.line("", "at " + place(participant.site));
      }
    }
    return;
  }
  const std::size_t shown = std::min(participants.size(), kShortParticipantsMax);
  for (std::size_t i = 0; i < shown; ++i)
    columns.line(participants[i].label, short_line(participants[i]));
  if (shown < participants.size())
    columns.line("", "and " + counted(participants.size() - shown, "more task"));
}

void write_reason(Columns& columns, const std::vector<std::string>& reason) {
  // The last line that fits counts the rest, so one line too many is shown instead of counted.
  const std::size_t shown = reason.size() <= kReasonLinesMax + 1 ? reason.size() : kReasonLinesMax;
  for (std::size_t i = 0; i < shown; ++i) columns.line(i == 0 ? "because" : "", reason[i]);
  if (shown < reason.size())
    columns.line("", "... and " + counted(reason.size() - shown, "more line"));
}

void write_behind(Columns& columns, const std::vector<Participant>& behind) {
  const std::size_t shown = std::min(behind.size(), kBehindMax);
  for (std::size_t i = 0; i < shown; ++i) {
    const std::string number = task_number(behind[i]);
    std::string who = behind[i].label;
    if (!number.empty() && number != who) who += " (" + number + ")";
    columns.line(i == 0 ? "behind it" : "", who + " is " + behind[i].text + at(behind[i].site));
  }
  if (shown < behind.size()) columns.line("", "and " + counted(behind.size() - shown, "more task"));
}

/// What stands after "1 " and after a larger number.
struct Phrase {
  std::string_view one;
  std::string_view many;
};

Phrase phrase_of(FindingKind kind) {
  switch (kind) {
    case FindingKind::kDeadlock:
      return {"deadlock", "deadlocks"};
    case FindingKind::kBlocked:
      return {"task blocked for ever", "tasks blocked for ever"};
    case FindingKind::kLeaked:
      return {"task leaked", "tasks leaked"};
    case FindingKind::kException:
      return {"task ended by an exception", "tasks ended by exceptions"};
    case FindingKind::kMutexHeld:
      return {"lock still held", "locks still held"};
    case FindingKind::kSendOnClosed:
      return {"send on a closed channel", "sends on closed channels"};
    case FindingKind::kDoubleClose:
      return {"close of a closed or nil channel", "closes of closed or nil channels"};
    case FindingKind::kNegativeWaitGroup:
      return {"wait group below zero", "wait groups below zero"};
    case FindingKind::kMisuse:
      return {"misuse", "misuses"};
    case FindingKind::kForeignUnlock:
      return {"unlock by another task", "unlocks by other tasks"};
    case FindingKind::kValueLeft:
      return {"channel with values left", "channels with values left"};
    case FindingKind::kLockOrder:
      return {"lock order that can deadlock", "lock orders that can deadlock"};
    case FindingKind::kLostSignal:
      return {"task that missed its signal", "tasks that missed their signal"};
    case FindingKind::kRace:
      return {"data race", "data races"};
    case FindingKind::kStepLimit:
      return {"step limit reached", "step limits reached"};
    case FindingKind::kDivergence:
      return {"divergence", "divergences"};
    case FindingKind::kForeignThread:
      return {"thread that the library cannot schedule",
              "threads that the library cannot schedule"};
    case FindingKind::kInconsistent:
      return {"contradiction in the trace", "contradictions in the trace"};
    case FindingKind::kUncertain:
      return {"doubt", "doubts"};
  }
  return {"finding", "findings"};
}

/// Findings about tasks count tasks: one finding may speak of many.
std::size_t weight_of(const Finding& finding) {
  const bool counts_tasks = finding.kind == FindingKind::kLeaked ||
                            finding.kind == FindingKind::kBlocked ||
                            finding.kind == FindingKind::kLostSignal;
  return counts_tasks ? std::max<std::size_t>(finding.participants.size(), 1) : 1;
}

/// "expected # but got #"
std::string without_numbers(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit)
      result += c;
    else if (result.empty() || result.back() != '#')
      result += '#';
  }
  return result;
}

}  // namespace

std::string_view to_string(FindingKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kKindNames.size() ? kKindNames[index] : std::string_view("unknown");
}

std::optional<FindingKind> parse_finding_kind(std::string_view name) {
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (found == kKindNames.end()) return std::nullopt;
  return static_cast<FindingKind>(found - kKindNames.begin());
}

std::string_view to_string(Certainty certainty) {
  switch (certainty) {
    case Certainty::kCertain:
      return "certain";
    case Certainty::kPossible:
      return "possible";
    case Certainty::kNote:
      return "note";
  }
  return "unknown";
}

bool has_come_true(const Finding& lock_order, const std::vector<Finding>& findings) {
  const auto waits_there = [](const Finding& deadlock, const Participant& locking) {
    return std::any_of(deadlock.participants.begin(), deadlock.participants.end(),
                       [&](const Participant& waiting) { return waiting.site == locking.site; });
  };
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& one) {
    return one.kind == FindingKind::kDeadlock &&
           std::all_of(lock_order.participants.begin(), lock_order.participants.end(),
                       [&](const Participant& locking) { return waits_there(one, locking); });
  });
}

std::string fingerprint(const Finding& finding) {
  std::string text{to_string(finding.kind)};
  // What an exception says tells more than what its task did last. Values in it may differ.
  constexpr std::string_view kEnded = " ended by an exception: ";
  const auto what = finding.summary.find(kEnded);
  if (finding.kind == FindingKind::kException && what != std::string::npos)
    return text + " " + without_numbers(finding.summary.substr(what + kEnded.size()));
  std::vector<std::string> places;
  const auto add = [&](const Site& site) {
    if (site.file.empty()) return;
    places.push_back(site.file.substr(site.file.rfind('/') + 1) + ":" + std::to_string(site.line));
  };
  for (const Participant& one : finding.participants) add(one.site);
  if (places.empty() && !finding.sites.empty()) add(finding.sites.front().site);
  if (places.empty()) return text + " " + without_numbers(finding.summary);
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  for (const std::string& place : places) text += " " + place;
  return text;
}

std::string to_text(const Finding& finding, int indent) {
  Columns columns(indent, label_width(finding));
  columns.head(finding.summary + " (" + std::string(to_string(finding.certainty)) + ")");
  write_participants(columns, finding.participants);
  write_reason(columns, finding.reason);
  write_behind(columns, finding.behind);
  std::size_t shown = 0;
  for (const FindingSite& site : finding.sites) {
    if (shown == kSitesMax) break;
    const std::string text = place(site.site);
    if (text.empty() || columns.has(text)) continue;
    columns.line(site.role, text);
    ++shown;
  }
  return columns.take();
}

std::string summarize(const std::vector<Finding>& findings) {
  if (findings.empty()) return "nothing found";

  struct Tally {
    std::size_t count = 0;
    bool has_certain = false;
  };
  std::array<Tally, kKindNames.size()> tallies;
  std::size_t notes = 0;
  for (const Finding& finding : findings) {
    if (finding.certainty == Certainty::kNote) {
      ++notes;
      continue;
    }
    const auto kind = static_cast<std::size_t>(finding.kind);
    if (kind >= tallies.size()) continue;
    tallies[kind].count += weight_of(finding);
    tallies[kind].has_certain |= finding.certainty == Certainty::kCertain;
  }

  std::string text;
  for (std::size_t kind = 0; kind < tallies.size(); ++kind) {
    const Tally& tally = tallies[kind];
    if (tally.count == 0) continue;
    const Phrase phrase = phrase_of(static_cast<FindingKind>(kind));
    if (!text.empty()) text += "; ";
    if (tally.count > 1)
      text += std::to_string(tally.count) + " " + std::string(phrase.many);
    else if (static_cast<FindingKind>(kind) == FindingKind::kDeadlock)
      text += phrase.one;
    else
      text += "1 " + std::string(phrase.one);
    if (static_cast<FindingKind>(kind) == FindingKind::kLeaked && tally.has_certain)
      text += ", blocked for ever";
    text += tally.has_certain ? " (certain)" : " (possible)";
  }
  if (notes > 0) {
    if (!text.empty()) text += "; ";
    text += counted(notes, "note");
  }
  return text;
}

}  // namespace chantrace
