#include "libdw.h"

#ifdef CHANTRACE_NOTOUCH_HAS_LIBDW
#include <dlfcn.h>

namespace chantrace::notouch {
namespace {

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what dlsym is for.
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

LibDw load_once() {
  LibDw libdw;
  void* const library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return libdw;
  bool is_whole = true;
#define CHANTRACE_LIBDW_FIND(name) is_whole = find(library, #name, libdw.name) && is_whole;
  CHANTRACE_LIBDW_FUNCTIONS(CHANTRACE_LIBDW_FIND)
#undef CHANTRACE_LIBDW_FIND
  return is_whole ? libdw : LibDw();
}

}  // namespace

const LibDw* LibDw::load() {
  static const LibDw libdw = load_once();
  return libdw.dwfl_begin != nullptr ? &libdw : nullptr;
}

}  // namespace chantrace::notouch
#endif
