#include "search.h"

#include <algorithm>
#include <array>
#include <utility>

namespace chantrace::view {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// What an operation's words follow from, but for a select that parks.
struct Shape {
  std::uint64_t value;
  std::uint32_t object;
  Operation operation;
  std::uint8_t flags;
  std::uint16_t detail;

  friend bool operator==(const Shape&, const Shape&) = default;
};

struct ShapeHash {
  std::size_t operator()(const Shape& shape) const {
    std::uint64_t hash = shape.value * 0x9e3779b97f4a7c15u;
    hash ^= (std::uint64_t{shape.object} << 32 | std::uint64_t{shape.detail} << 16 |
             static_cast<std::uint64_t>(shape.operation) << 8 | shape.flags);
    // Source: the finalizer of splitmix64.
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
    return static_cast<std::size_t>(hash ^ hash >> 27);
  }
};

}  // namespace

/// One word of a query, and where it is looked for.
struct SearchTexts::Term {
  enum class Part { kAny, kTask, kObject, kOperation, kPlace };
  Part part = Part::kAny;
  std::string word;

  static std::vector<Term> parse(std::string_view query);
};

std::vector<SearchTexts::Term> SearchTexts::Term::parse(std::string_view query) {
  static constexpr std::array<std::pair<std::string_view, Part>, 4> kParts = {
      {{"task:", Part::kTask},
       {"on:", Part::kObject},
       {"op:", Part::kOperation},
       {"at:", Part::kPlace}}};
  std::vector<Term> terms;
  while (!query.empty()) {
    if (query.front() == ' ') {
      query.remove_prefix(1);
      continue;
    }
    Term term;
    bool has_part = false;
    for (const auto& [prefix, part] : kParts) {
      if (lower(query.substr(0, prefix.size())) != prefix) continue;
      term.part = part;
      has_part = true;
      query.remove_prefix(prefix.size());
      break;
    }
    const bool is_phrase = query.starts_with('"');
    if (is_phrase) query.remove_prefix(1);
    const std::size_t end = std::min(query.find(is_phrase ? '"' : ' '), query.size());
    term.word = lower(query.substr(0, end));
    query.remove_prefix(std::min(end + 1, query.size()));
    if (has_part || !term.word.empty()) terms.push_back(std::move(term));
  }
  return terms;
}

std::uint32_t SearchTexts::Table::number(std::string_view text) {
  std::string small = lower(text);
  const auto [found, is_new] =
      numbers_.try_emplace(small, static_cast<std::uint32_t>(texts_.size()));
  if (is_new) texts_.push_back(std::move(small));
  return found->second;
}

std::vector<char> SearchTexts::Table::having(std::string_view word) const {
  std::vector<char> result;
  result.reserve(texts_.size());
  for (const std::string& text : texts_) result.push_back(text.find(word) != std::string::npos);
  return result;
}

bool SearchTexts::needs_words(std::string_view query) {
  const std::vector<Term> terms = Term::parse(query);
  return std::ranges::any_of(terms, [](const Term& one) { return one.part == Term::Part::kAny; });
}

SearchTexts::SearchTexts(const Trace& trace, const Names& names, const Timeline& timeline,
                         bool has_words) {
  std::unordered_map<Shape, std::uint32_t, ShapeHash> known_words;
  std::unordered_map<std::uint32_t, std::uint32_t> known_places;
  std::unordered_map<std::uint32_t, std::uint32_t> known_objects;
  std::vector<std::uint32_t> lanes;
  for (const Lane& lane : timeline.lanes) lanes.push_back(tasks_.number(names.task(lane.task)));

  rows_.reserve(timeline.steps.size());
  for (std::size_t i = 0; i < timeline.steps.size(); ++i) {
    const EventPlace& place = timeline.steps[i].place;
    const EventRecord& event = event_at(trace, place);
    const auto words = [&] {
      return words_.number(describe(trace, names, event, true, cases_of(trace, place)));
    };
    Row row;
    if (!has_words) {
      row.words = 0;
    } else if (event.operation == Operation::kSelect) {
      row.words = words();
    } else {
      const auto [known, is_new] = known_words.try_emplace(
          Shape{event.value, event.object, event.operation, event.flags, event.detail});
      if (is_new) known->second = words();
      row.words = known->second;
    }
    row.task = lanes[timeline.lanes_of_steps[i]];
    const std::uint32_t object = is_on_task(event.operation) ? 0 : event.object;
    const auto [known_object, is_new_object] = known_objects.try_emplace(object);
    if (is_new_object)
      known_object->second = objects_.number(object == 0 ? "" : names.object(ObjectId{object}));
    row.object = known_object->second;
    row.operation = operations_.number(to_string(event.operation));
    const auto [known_place, is_new_place] = known_places.try_emplace(event.site);
    if (is_new_place) known_place->second = places_.number(names.place(SiteId{event.site}));
    row.place = known_place->second;
    rows_.push_back(row);
  }
}

/// By step number less one.
std::vector<char> SearchTexts::matches(const Term& term) const {
  const auto in_column = [&](const Table& table, std::uint32_t Row::*column,
                             std::vector<char>& found) {
    const std::vector<char> having = table.having(term.word);
    for (std::size_t i = 0; i < rows_.size(); ++i)
      found[i] = static_cast<char>(found[i] | having[rows_[i].*column]);
  };
  std::vector<char> found(rows_.size(), 0);
  switch (term.part) {
    case Term::Part::kAny:
      in_column(words_, &Row::words, found);
      in_column(tasks_, &Row::task, found);
      in_column(places_, &Row::place, found);
      break;
    case Term::Part::kTask:
      in_column(tasks_, &Row::task, found);
      break;
    case Term::Part::kObject:
      in_column(objects_, &Row::object, found);
      break;
    case Term::Part::kOperation:
      in_column(operations_, &Row::operation, found);
      break;
    case Term::Part::kPlace:
      in_column(places_, &Row::place, found);
      break;
  }
  return found;
}

std::vector<std::uint64_t> SearchTexts::find(std::string_view query) const {
  const std::vector<Term> terms = Term::parse(query);
  if (terms.empty()) return {};
  std::vector<char> found(rows_.size(), 1);
  for (const Term& term : terms) {
    const std::vector<char> having = matches(term);
    for (std::size_t i = 0; i < found.size(); ++i)
      found[i] = static_cast<char>(found[i] & having[i]);
  }
  std::vector<std::uint64_t> steps;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i] != 0) steps.push_back(i + 1);
  return steps;
}

}  // namespace chantrace::view
