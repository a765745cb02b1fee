#include "chantrace/detail/assert.h"

#include <cstdio>
#include <cstdlib>

namespace chantrace::detail {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "chantrace: internal error: %s does not hold (%s:%d); please report this\n",
               condition, file, line);
  std::abort();
}

}  // namespace chantrace::detail
