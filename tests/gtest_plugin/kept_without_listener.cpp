#include <gtest/gtest.h>

#include "chantrace/explore_test.h"

TEST(Kept, IsNotRun) {}
CHANTRACE_REPLAY(Kept, IsNotRun, "c1:0:1");
