#include "explainer.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "../runtime/controlled_executor.h"
#include "log_words.h"

namespace chantrace::detail {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Where fewer schedules than these came about with two operations turned round, it says too little.
constexpr std::uint64_t kReversedMin = 20;
// The same for trying: an order that has not come about in so many cannot.
constexpr std::uint64_t kTriedInVainMax = 10;
// An order is decisive where at most one in so many schedules fails without it, and twice as many
// fail with it.
constexpr std::uint64_t kRareOneOf = 10;
// Pairs that are looked at: the closest ones.
constexpr std::size_t kPairsMax = 2'000;
// The same for choices: the first ones.
constexpr std::size_t kChoicesMax = 200;

bool has_common(const std::vector<std::uint32_t>& left, const std::vector<std::uint32_t>& right) {
  return std::any_of(left.begin(), left.end(), [&](std::uint32_t one) {
    return std::find(right.begin(), right.end(), one) != right.end();
  });
}

/// The first record of that task's operation, which stands from there on; nullptr: it left none.
const EventRecord* record_of(const EventLog& log, std::uint32_t task, std::size_t from) {
  for (std::size_t i = from; i < log.size(); ++i)
    if (EventLog::task_of(log[i]) == task) return &log[i];
  return nullptr;
}

/// The channels of a select, as it looked at them one after another.
std::vector<std::uint32_t> cases_at(const EventLog& log, std::uint32_t task, std::size_t from) {
  std::vector<std::uint32_t> objects;
  for (std::size_t i = from; i < log.size(); ++i) {
    const EventRecord& event = log[i];
    if (EventLog::task_of(event) != task) continue;
    if (event.operation != Operation::kSelectCase && event.operation != Operation::kSelect) break;
    if (event.object != 0) objects.push_back(event.object);
    if (event.operation == Operation::kSelect) break;
  }
  return objects;
}

std::string words_of(const EventLog& log, const Runnable& what, std::size_t from) {
  if (what.task == kClockTask) return "a timer fires";
  if (what.operation == Operation::kLook)
    return what.object != 0 ? "look(" + object_in_words(log, what.object / 2) + ")" : "look";
  if (what.operation == Operation::kSelect) {
    std::string text = "select(";
    for (const std::uint32_t object : cases_at(log, what.task, from))
      text += (text.back() == '(' ? "" : ", ") + object_in_words(log, object);
    return text + ")";
  }
  std::string text{to_string(what.operation)};
  if (what.object != 0) return text + "(" + object_in_words(log, what.object / 2) + ")";
  const EventRecord* const record = record_of(log, what.task, from);
  return record != nullptr && record->operation == what.operation ? operation_in_words(log, *record)
                                                                  : text;
}

/// "takes case 2, where case 1 was ready too"; cases are counted from 1.
std::string taken_in_words(const Variation::Choice& choice) {
  std::string others;
  for (std::size_t i = 0; i < choice.cases.size(); ++i)
    if (i != choice.chosen)
      others += (others.empty() ? "" : ", ") + std::to_string(choice.cases[i] + 1);
  const bool is_one = choice.cases.size() == 2;
  return "takes case " + std::to_string(choice.cases[choice.chosen] + 1) + ", where " +
         (is_one ? "case " : "cases ") + others + (is_one ? " was" : " were") + " ready too";
}

}  // namespace

Explainer::Explainer(ControlledRuns& runs, const std::function<void()>& body,
                     const ControlOptions& control, const Judge& judge, const ExplainLimits& limits)
    : runs_(runs), body_(body), control_(control), judge_(judge), limits_(limits) {}

std::optional<Explanation> Explainer::explain(const Plan& plan, const std::string& failure) {
  start_ = SteadyClock::now();
  failure_ = failure;
  executions_ = 0;
  made_ = 0;
  explanation_ = {};
  Variation variation(plan, log_);
  if (!fails(variation, {}, 0)) return std::nullopt;
  note_steps(variation);
  variation.keep_choices();
  find_decision(variation);
  const bool fails_always = explanation_.continuations > 0 && explanation_.decided_at == 0;
  if (!fails_always) {
    count_nearby(variation);
    find_choices(variation);
    find_orders(variation);
  }
  return std::move(explanation_);
}

bool Explainer::is_over() const {
  return executions_ >= limits_.executions || SteadyClock::now() - start_ > limits_.budget;
}

bool Explainer::fails(Variation& variation, const Variation::Options& options, std::uint64_t seed) {
  ++executions_;
  variation.set(options);
  variation.begin(seed_of(seed, 0));
  ControlOptions control = control_;
  // One that polls for ever need not do so to the end.
  if (made_ > 0) control.steps_max = std::min(control.steps_max, 4 * made_ + 1'000);
  runs_.run(body_, variation, control, &log_);
  return judge_(runs_.findings()) == failure_;
}

// The execution.

void Explainer::note_steps(const Variation& variation) {
  steps_.clear();
  made_ = variation.steps().size();
  for (std::size_t task = 1; task < log_.tasks().size(); ++task)
    explanation_.tasks.push_back(task_in_words(log_, task));
  for (const Variation::Step& step : variation.steps()) note_step(step, true);
  for (const auto& [what, site] : runs_.executor().standing())
    note_step({{what.task, what.index}, what, site, log_.size()}, false);
  // The same operation at the same place is told apart by its number.
  std::map<std::tuple<std::uint32_t, std::string, std::string, std::uint32_t>, int> counts;
  for (Deed& deed : explanation_.deeds) {
    const int count = ++counts[{deed.task, deed.text, deed.site.file, deed.site.line}];
    if (count > 1) deed.text += " #" + std::to_string(count);
  }
  choices_.clear();
  for (const Variation::Choice& choice : variation.choices()) note_choice(choice);
}

void Explainer::note_choice(const Variation::Choice& made) {
  DecisiveChoice choice;
  if (!made.cases.empty()) {
    // That of the select itself: it may have come to its choice when it was woken.
    for (std::size_t i = 0; i < std::min(made.steps, made_); ++i)
      if (steps_[i].who.task == made.who.task) choice.deed = explanation_.deeds[i];
    choice.outcome = taken_in_words(made);
  } else {
    choice.deed.step = made.steps;
    choice.deed.task = made.who.task - 1;
    choice.deed.text = "choose(" + std::to_string(made.count) + ")";
    if (const EventRecord* const record = record_of(log_, made.who.task, made.recorded_at))
      choice.deed.site = to_site(log_.location(record->site));
    choice.outcome = "gives " + std::to_string(made.chosen);
  }
  choices_.push_back({made.who, std::move(choice)});
}

void Explainer::note_step(const Variation::Step& made, bool was_made) {
  const Runnable& what = made.what;
  Step step{.who = made.who, .is_write = what.is_write};
  if (what.object != 0)
    step.objects = {what.object / 2};
  else if (what.operation == Operation::kSelect)
    step.objects = cases_at(log_, what.task, made.recorded_at);
  steps_.push_back(std::move(step));
  explanation_.deeds.push_back(
      {.step = was_made ? steps_.size() : 0,
       .task = what.task == kClockTask ? 0 : what.task - 1,
       .text = words_of(log_, what, made.recorded_at),
       .site = made.site.line != 0 ? to_site(made.site) : Site{},
       .preempted = made.preempted != 0 ? task_in_words(log_, made.preempted) : std::string()});
}

// What is tried.

std::uint32_t Explainer::chance() const {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(made_, 2, 0xffffffff));
}

void Explainer::count_nearby(Variation& variation) {
  for (; explanation_.nearby < limits_.schedules && !is_over(); ++explanation_.nearby)
    explanation_.failed_nearby +=
        fails(variation, {.chance_one_of = chance()}, explanation_.nearby) ? 1 : 0;
}

bool Explainer::fails_always_behind(Variation& variation, std::uint64_t steps) {
  for (std::uint64_t i = 0; i < limits_.schedules; ++i)
    if (is_over() || !fails(variation, {.steps_followed = steps}, i)) return false;
  return true;
}

void Explainer::find_decision(Variation& variation) {
  // Once it is decided it stays so: the number of steps can be halved.
  std::uint64_t low = 0;
  std::uint64_t high = made_;
  if (fails_always_behind(variation, low))
    high = low;
  else if (high == low)
    return;  // It is a matter of choices alone.
  while (low + 1 < high && !is_over()) {
    const std::uint64_t middle = low + (high - low) / 2;
    (fails_always_behind(variation, middle) ? high : low) = middle;
  }
  if (is_over()) return;
  explanation_.decided_at = high;
  explanation_.continuations = limits_.schedules;
}

bool Explainer::may_matter(const Step& left, const Step& right) const {
  if (left.objects.empty() || right.objects.empty()) return true;
  return (left.is_write || right.is_write) && has_common(left.objects, right.objects);
}

std::vector<Explainer::Pair> Explainer::pairs() const {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < made_; ++i) {
    // Of each other task the next step that conflicts; of one whose object is not known the next.
    std::set<std::uint32_t> seen = {steps_[i].who.task};
    for (std::size_t j = i + 1; j < steps_.size(); ++j) {
      const std::uint32_t task = steps_[j].who.task;
      if (seen.contains(task) || !may_matter(steps_[i], steps_[j])) continue;
      seen.insert(task);
      pairs.push_back({i, j});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& left, const Pair& right) {
    return left.second - left.first < right.second - right.first;
  });
  if (pairs.size() > kPairsMax) pairs.resize(kPairsMax);
  return pairs;
}

bool Explainer::is_implied(const Pair& pair, const std::vector<Pair>& decisive) const {
  const StepOfTask& first = steps_[pair.first].who;
  const StepOfTask& second = steps_[pair.second].who;
  return std::any_of(decisive.begin(), decisive.end(), [&](const Pair& known) {
    const StepOfTask& from = steps_[known.first].who;
    const StepOfTask& to = steps_[known.second].who;
    return from.task == first.task && first.index <= from.index && to.task == second.task &&
           to.index <= second.index;
  });
}

std::optional<Explainer::Tried> Explainer::try_without(Variation& variation,
                                                       Variation::Options options) {
  Tried tried;
  // Rarely enough to tell, and where the failure comes by another way now and then.
  const std::uint64_t failed_max = limits_.schedules / kRareOneOf;
  for (std::uint64_t i = 0; i < limits_.schedules; ++i) {
    if (is_over() || (tried.schedules == 0 && i == kTriedInVainMax)) return std::nullopt;
    options.chance_one_of = i == 0 ? 0 : chance();
    options.is_free_behind = i % 2 == 1;
    const bool has_failed = fails(variation, options, i);
    if (!variation.has_come_about()) continue;
    ++tried.schedules;
    tried.failed += has_failed ? 1 : 0;
    if (has_failed && (i == 0 || tried.failed > failed_max)) return std::nullopt;
  }
  const bool is_rare = tried.failed * explanation_.nearby * kRareOneOf / 2 <=
                       explanation_.failed_nearby * tried.schedules;
  if (!is_rare || tried.schedules < std::min(kReversedMin, limits_.schedules)) return std::nullopt;
  return tried;
}

void Explainer::find_orders(Variation& variation) {
  std::vector<Pair> decisive;
  std::vector<DecisiveOrder> orders;
  for (const Pair& pair : pairs()) {
    if (is_over()) break;
    if (is_implied(pair, decisive)) continue;
    const auto tried = try_without(
        variation, {.reversal = Reversal{steps_[pair.first].who, steps_[pair.second].who}});
    if (!tried) continue;
    decisive.push_back(pair);
    orders.push_back({explanation_.deeds[pair.first], explanation_.deeds[pair.second],
                      tried->failed, tried->schedules});
  }
  // A later one may say more than an earlier one.
  for (std::size_t i = 0; i < decisive.size(); ++i) {
    std::vector<Pair> others = decisive;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    if (!is_implied(decisive[i], others)) explanation_.orders.push_back(std::move(orders[i]));
  }
}

void Explainer::find_choices(Variation& variation) {
  for (std::size_t i = 0; i < std::min(choices_.size(), kChoicesMax); ++i) {
    if (is_over()) break;
    const auto tried = try_without(variation, {.changed_choice = choices_[i].who});
    if (!tried) continue;
    DecisiveChoice choice = choices_[i].in_words;
    choice.failed = tried->failed;
    choice.schedules = tried->schedules;
    explanation_.choices.push_back(std::move(choice));
  }
}

}  // namespace chantrace::detail
