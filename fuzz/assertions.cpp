#include "assertions.h"

// Fuzz targets need no GoogleTest, and those that have it need no other library for it: what is
// asked of it is named as the linker knows it. Outside of tests it notes what fails in a result of
// its own.
extern "C" {
[[gnu::weak]] void* gtest_unit_test() __asm__("_ZN7testing8UnitTest11GetInstanceEv");
[[gnu::weak]] void* gtest_ad_hoc_result(const void* unit_test) __asm__(
    "_ZNK7testing8UnitTest18ad_hoc_test_resultEv");
[[gnu::weak]] bool gtest_has_failed(const void* result) __asm__(
    "_ZNK7testing10TestResult6FailedEv");
[[gnu::weak]] void gtest_clear(void* result) __asm__("_ZN7testing10TestResult5ClearEv");
}

namespace chantrace {
namespace {

/// nullptr: there is no GoogleTest, or one that is called otherwise.
void* find_result() {
  const bool is_there = gtest_unit_test != nullptr && gtest_ad_hoc_result != nullptr &&
                        gtest_has_failed != nullptr && gtest_clear != nullptr;
  return is_there ? gtest_ad_hoc_result(gtest_unit_test()) : nullptr;
}

}  // namespace

bool has_failed_assertion() {
  const void* const result = find_result();
  return result != nullptr && gtest_has_failed(result);
}

void forget_assertions() {
  if (void* const result = find_result()) gtest_clear(result);
}

}  // namespace chantrace
