/// \file
/// What tests say of themselves, before `main`: how they are to be explored, which schedules are
/// kept for them, and what their bodies are called with.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/detail/test_inputs.h"
#include "chantrace/explore.h"

namespace chantrace {

/// Of `CHANTRACE_REPLAY`.
struct KeptSchedule {
  std::string token;
  std::string place;  ///< "pool_test.cpp:31"
  std::string file;
  int line = 0;
  std::function<void()> prepare;  ///< Sets the inputs; empty: there are none.
};

struct TestPlan {
  std::optional<ExploreOptions> options;
  std::vector<KeptSchedule> kept;
  detail::TestInputs* inputs = nullptr;
};

/// Of the test with that name. nullptr: it has said nothing.
const TestPlan* find_test_plan(const std::string& test);
/// A listener is installed: tests can be explored.
void note_listener();

}  // namespace chantrace
