/// \file
/// What is searched for: words that must all stand in a step, some of them in a certain part of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chantrace/trace.h"
#include "naming.h"
#include "timeline.h"

namespace chantrace::view {

/// The texts of all steps, in small letters, each kept once however many steps have it.
///
/// A query is words, of which each must stand in the step's words, its task or its place:
/// "send worker pool.cpp". `task:`, `on:`, `op:` and `at:` before a word look at the task, the
/// object, the operation or the place alone. A phrase in quotes is one word: task:"worker 2".
/// Letters of ASCII are the same large or small.
///
/// Threads: any thread, once made. Cost: to make it, linear in steps.
class SearchTexts {
 public:
  /// `has_words`: false leaves out what takes most of it, of which some queries have no need.
  SearchTexts(const Trace& trace, const Names& names, const Timeline& timeline,
              bool has_words = true);
  /// Whether `query` has a word that may stand in a step's words.
  static bool needs_words(std::string_view query);

  /// Ascending; none for a query without words. Cost: linear in steps, some ns each.
  std::vector<std::uint64_t> find(std::string_view query) const;

 private:
  /// Texts by number.
  class Table {
   public:
    std::uint32_t number(std::string_view text);
    /// Which of them have `word` in them.
    std::vector<char> having(std::string_view word) const;

   private:
    std::vector<std::string> texts_;
    std::unordered_map<std::string, std::uint32_t> numbers_;
  };
  /// What a step has, by number in the tables.
  struct Row {
    std::uint32_t words = 0;
    std::uint32_t task = 0;
    std::uint32_t object = 0;
    std::uint32_t operation = 0;
    std::uint32_t place = 0;
  };
  struct Term;

  std::vector<char> matches(const Term& term) const;

  Table words_, tasks_, objects_, operations_, places_;
  std::vector<Row> rows_;  ///< By step number less one.
};

}  // namespace chantrace::view
