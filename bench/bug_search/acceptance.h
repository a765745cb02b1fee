/// \file
/// What the figures have to be like.
#pragma once

#include <string>
#include <vector>

#include "measure.h"

namespace chantrace::bench {

/// Something that must hold, and whether it does.
struct Rule {
  std::string name;
  bool holds = true;
  std::string figures = {};
  /// What does not hold, and the page of docs/decisions that says why: these do not fail the rule.
  std::vector<std::string> explained = {};
};

/// The rules that follow from `rows` alone.
std::vector<Rule> judge(const std::vector<Row>& rows);
/// That each first failure of `rows` runs again exactly. Runs them.
Rule judge_replays(const std::vector<Row>& rows);

}  // namespace chantrace::bench
