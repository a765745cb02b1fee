// What is loaded into a program that uses nothing of this library: the probe starts before `main`,
// and ends when the program does.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "chantrace/no_touch.h"

namespace {

bool is_wanted() {
  const char* const text = std::getenv("CHANTRACE_NOTOUCH");
  if (text == nullptr) return true;
  const std::string_view word(text);
  return word != "0" && word != "off" && word != "no" && word != "false";
}

[[gnu::constructor]] void start_probe() {
  if (!is_wanted()) return;
  try {
    // Never destroyed: the end of the program stops it.
    new chantrace::NoTouchProbe;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

}  // namespace
