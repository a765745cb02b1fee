// A fuzz target of one program of tests/bugs, which CMake names.
#include "bugs/kernels.h"
#include "bugs/programs.h"
#include "chantrace/fuzz_target.h"

CHANTRACE_FUZZ_TARGET(Bugs, Program, .run = {.steps_max = 2'000}) {
  chantrace::bugs::CHANTRACE_BUG(chantrace::bugs::Variant::CHANTRACE_VARIANT);
}
