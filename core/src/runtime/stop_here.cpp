#include "stop_here.h"

// Neither inlined, nor left out as nothing.
[[gnu::noinline]] void chantrace_stop_here() { asm volatile(""); }
