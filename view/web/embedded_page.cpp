#include "embedded_page.h"

#include <cstddef>

// Source: the assembler's `.incbin`, which takes a file as it is and as fast as the disk.
asm(R"(
  .section .rodata
  .global chantrace_page_begin
  .global chantrace_page_end
  .hidden chantrace_page_begin
  .hidden chantrace_page_end
chantrace_page_begin:
  .incbin ")" CHANTRACE_PAGE R"("
chantrace_page_end:
  .previous
)");

extern "C" const char chantrace_page_begin[];
extern "C" const char chantrace_page_end[];

namespace chantrace::view {

std::string_view embedded_page() {
  return {chantrace_page_begin,
          static_cast<std::size_t>(chantrace_page_end - chantrace_page_begin)};
}

}  // namespace chantrace::view
