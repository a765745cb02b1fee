// One target too many.
#include "chantrace/fuzz_target.h"

CHANTRACE_FUZZ_TARGET(Second, Target) {}
