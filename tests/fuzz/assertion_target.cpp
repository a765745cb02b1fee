// A fuzz target with assertions of GoogleTest, of which one does not hold for some inputs.
#include <gtest/gtest.h>

#include "chantrace/chantrace.h"
#include "chantrace/fuzz_target.h"

namespace {

CHANTRACE_FUZZ_TARGET(Choice, IsNotTwo) { EXPECT_NE(chantrace::choose(4), 2u); }

}  // namespace
