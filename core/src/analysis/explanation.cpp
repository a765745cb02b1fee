#include "chantrace/explanation.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "words.h"

namespace chantrace {
namespace {

// What fits on a screen: see `steps_to_text`.
constexpr std::size_t kRowsMax = 20;
constexpr std::size_t kLineWidth = 100;
constexpr std::size_t kColumnWidthMin = 14;
constexpr std::size_t kOrdersMax = 4;

std::string file_name(const Site& site) { return site.file.substr(site.file.rfind('/') + 1); }

/// "lock(mu), pool.cpp:95"
std::string with_place(const Explanation& explanation, const Deed& deed) {
  std::string text = deed.text + " by " + explanation.tasks.at(deed.task);
  if (deed.site.line != 0)
    text += " (" + file_name(deed.site) + ":" + std::to_string(deed.site.line) + ")";
  return text;
}

/// Only those of which something is to be said, where not all fit.
std::vector<std::size_t> rows_that_matter(const Explanation& explanation) {
  const std::vector<Deed>& deeds = explanation.deeds;
  std::vector<std::size_t> rows;
  if (deeds.size() <= kRowsMax) {
    for (std::size_t i = 0; i < deeds.size(); ++i) rows.push_back(i);
    return rows;
  }
  std::set<std::size_t> chosen;
  const auto add = [&](std::size_t row) {
    if (chosen.size() < kRowsMax) chosen.insert(row);
  };
  const auto add_deed = [&](const Deed& deed) {
    for (std::size_t i = 0; i < deeds.size(); ++i)
      if (deeds[i] == deed) add(i);
  };
  for (std::size_t i = 0; i < std::min(explanation.orders.size(), kOrdersMax); ++i) {
    add_deed(explanation.orders[i].first);
    add_deed(explanation.orders[i].second);
  }
  for (std::size_t i = 0; i < std::min(explanation.choices.size(), kOrdersMax); ++i)
    add_deed(explanation.choices[i].deed);
  for (std::size_t i = 0; i < deeds.size(); ++i)
    if (deeds[i].step == 0) add(i);
  for (std::size_t i = 0; i < deeds.size(); ++i)
    if (!deeds[i].preempted.empty()) {
      if (i > 0) add(i - 1);
      add(i);
    }
  if (explanation.decided_at > 0 && explanation.decided_at <= deeds.size())
    add(static_cast<std::size_t>(explanation.decided_at) - 1);
  add(0);
  for (std::size_t i = deeds.size(); i-- > 0;) add(i);
  return {chosen.begin(), chosen.end()};
}

/// The steps of some tasks, a column each, or where these do not fit a line each.
class Steps {
 public:
  Steps(const Explanation& explanation, int indent)
      : explanation_(explanation),
        rows_(rows_that_matter(explanation)),
        indent_(static_cast<std::size_t>(std::max(indent, 0)), ' ') {
    for (const std::size_t row : rows_) {
      const Deed& deed = explanation_.deeds[row];
      tasks_.insert(deed.task);
      files_.insert(file_name(deed.site));
    }
    files_.erase("");
    width_ = kColumnWidthMin;
    for (const std::size_t row : rows_)
      width_ = std::max(width_, words_of(explanation_.deeds[row]).size() + 2);
    for (const std::uint32_t task : tasks_)
      width_ = std::max(width_, explanation_.tasks.at(task).size() + 2);
    has_columns_ = indent_.size() + 6 + width_ * tasks_.size() <= kLineWidth;
  }

  std::string text() {
    if (rows_.empty()) return {};
    head();
    std::size_t next = 0;
    for (const std::size_t row : rows_) {
      if (row > next)
        line("",
             std::to_string(row - next) + (row - next == 1 ? " step" : " steps") + " not shown");
      const Deed& deed = explanation_.deeds[row];
      if (!deed.preempted.empty())
        line("", "---- preempted: " + deed.preempted + " could have gone on ----");
      step(deed);
      next = row + 1;
    }
    if (next < explanation_.deeds.size())
      line("", std::to_string(explanation_.deeds.size() - next) + " steps not shown");
    return std::move(text_);
  }

 private:
  std::string words_of(const Deed& deed) const {
    std::string words = deed.text;
    if (deed.site.line != 0)
      words += " " + (files_.size() > 1 ? file_name(deed.site) : std::string()) + ":" +
               std::to_string(deed.site.line);
    return words;
  }

  void head() {
    std::string names;
    if (has_columns_)
      for (const std::uint32_t task : tasks_) names += padded(explanation_.tasks.at(task));
    else
      names = "task and operation";
    // The one file that all is in need be said once only.
    if (files_.size() == 1) names += (has_columns_ ? "" : "  ") + ("(" + *files_.begin() + ")");
    line("step", names);
  }

  void step(const Deed& deed) {
    const std::string number = deed.step == 0 ? "end" : std::to_string(deed.step);
    const std::string words = words_of(deed) + (deed.step == 0 ? " waits" : "");
    if (!has_columns_) return line(number, padded(explanation_.tasks.at(deed.task)) + words);
    const auto before =
        static_cast<std::size_t>(std::distance(tasks_.begin(), tasks_.find(deed.task)));
    line(number, std::string(before * width_, ' ') + words);
  }

  std::string padded(std::string text) const {
    text.resize(std::max(text.size() + 1, width_), ' ');
    return text;
  }

  void line(const std::string& number, const std::string& what) {
    std::string whole = indent_ + std::string(number.size() < 4 ? 4 - number.size() : 0, ' ') +
                        number + "  " + what;
    whole.erase(whole.find_last_not_of(' ') + 1);
    text_ += whole + "\n";
  }

  const Explanation& explanation_;
  const std::vector<std::size_t> rows_;
  const std::string indent_;
  std::set<std::uint32_t> tasks_;
  std::set<std::string> files_;
  std::size_t width_ = 0;
  bool has_columns_ = true;
  std::string text_;
};

bool is_alike(const DecisiveOrder& left, const DecisiveOrder& right) {
  return left.first.text == right.first.text && left.first.site == right.first.site &&
         left.second.text == right.second.text && left.second.site == right.second.site;
}

std::string share(std::uint64_t part, std::uint64_t of) {
  return std::to_string(part) + " of " + std::to_string(of);
}

}  // namespace

std::string steps_to_text(const Explanation& explanation, int indent) {
  return Steps(explanation, indent).text();
}

std::string reasons_to_text(const Explanation& explanation, int indent) {
  const std::string head(static_cast<std::size_t>(std::max(indent, 0)), ' ');
  std::string text;
  const auto add = [&](const std::string& line) {
    text += head + (text.empty() ? "why        " : "           ") + line + "\n";
  };
  std::vector<DecisiveOrder> orders;
  std::vector<std::size_t> alike;
  for (const DecisiveOrder& order : explanation.orders) {
    std::size_t i = 0;
    while (i < orders.size() && !is_alike(orders[i], order)) ++i;
    if (i == orders.size()) {
      orders.push_back(order);
      alike.push_back(0);
    } else {
      ++alike[i];
    }
  }
  const auto add_condition = [&](const std::string& line) {
    add((text.empty() ? "fails only if  " : "and only if    ") + line);
  };
  for (std::size_t i = 0; i < std::min(orders.size(), kOrdersMax); ++i) {
    const DecisiveOrder& order = orders[i];
    add_condition(with_place(explanation, order.first));
    add("       before  " + with_place(explanation, order.second) +
        (alike[i] > 0 ? ", and " + std::to_string(alike[i]) + " more between others" : ""));
    add("               the other way round " + share(order.failed, order.schedules) +
        " schedules failed");
  }
  if (orders.size() > kOrdersMax)
    add("and " + std::to_string(orders.size() - kOrdersMax) + " orders more");
  const std::vector<DecisiveChoice>& choices = explanation.choices;
  for (std::size_t i = 0; i < std::min(choices.size(), kOrdersMax); ++i) {
    add_condition(with_place(explanation, choices[i].deed) + " " + choices[i].outcome);
    add("               otherwise " + share(choices[i].failed, choices[i].schedules) +
        " schedules failed");
  }
  if (choices.size() > kOrdersMax)
    add("and " + std::to_string(choices.size() - kOrdersMax) + " choices more");
  if (!text.empty())
    add("as it is, " + share(explanation.failed_nearby, explanation.nearby) +
        " schedules like it failed (tested, not proved)");
  if (explanation.continuations == 0 && text.empty() && explanation.nearby > 0)
    add("no order and no choice alone: " + share(explanation.failed_nearby, explanation.nearby) +
        " schedules like it failed (tested, not proved)");
  if (explanation.continuations == 0) return text;
  const std::string all = std::to_string(explanation.continuations);
  if (explanation.decided_at == 0) {
    add("failed in all of " + all + " schedules, in whatever order");
  } else if (explanation.decided_at <= explanation.deeds.size()) {
    const Deed& deed = explanation.deeds[static_cast<std::size_t>(explanation.decided_at) - 1];
    add("decided at step " + std::to_string(explanation.decided_at) + ", " +
        with_place(explanation, deed) + ":");
    add("               all " + all + " ways that were tried from there failed");
  }
  return text;
}

}  // namespace chantrace
