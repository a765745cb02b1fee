#include "symbols.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#ifdef CHANTRACE_HAS_LIBDW
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>
#endif

namespace chantrace {
namespace {

std::string demangle(const char* name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 ? text : name;
  std::free(text);
  return result;
}

std::string hexadecimal(std::uintptr_t number) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%zx", static_cast<std::size_t>(number));
  return text;
}

std::string describe_without_debug_information(std::uintptr_t code) {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(code), &info) == 0) return hexadecimal(code);
  if (info.dli_sname != nullptr) return demangle(info.dli_sname);
  const char* const slash = std::strrchr(info.dli_fname, '/');
  return std::string(slash != nullptr ? slash + 1 : info.dli_fname) + "+" +
         hexadecimal(code - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
}

}  // namespace

#ifdef CHANTRACE_HAS_LIBDW

struct Symbols::Impl {
  Impl() {
    callbacks.find_elf = dwfl_linux_proc_find_elf;
    callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
    callbacks.debuginfo_path = &debug_path;
    dwfl = dwfl_begin(&callbacks);
    if (dwfl == nullptr) return;
    dwfl_linux_proc_report(dwfl, getpid());
    dwfl_report_end(dwfl, nullptr, nullptr);
  }
  ~Impl() {
    if (dwfl != nullptr) dwfl_end(dwfl);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::string describe(std::uintptr_t code) const {
    Dwfl_Module* const module = dwfl != nullptr ? dwfl_addrmodule(dwfl, code) : nullptr;
    if (module == nullptr) return {};
    const char* const name = dwfl_module_addrname(module, code);
    if (name == nullptr) return {};
    return demangle(name) + place_of(module, code);
  }

  /// " at file:line", or nothing where that is not known.
  static std::string place_of(Dwfl_Module* module, std::uintptr_t code) {
    int number = 0;
    const char* file = nullptr;
    if (Dwfl_Line* const line = dwfl_module_getsrc(module, code)) {
      file = dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
    } else {
      // Clang makes no table of addresses (.debug_aranges), without which that knows nothing.
      Dwarf_Addr bias = 0;
      for (Dwarf_Die* unit = dwfl_module_nextcu(module, nullptr, &bias); unit != nullptr;
           unit = dwfl_module_nextcu(module, unit, &bias)) {
        if (dwarf_haspc(unit, code - bias) != 1) continue;
        Dwarf_Line* const found = dwarf_getsrc_die(unit, code - bias);
        file = dwarf_linesrc(found, nullptr, nullptr);
        dwarf_lineno(found, &number);
        break;
      }
    }
    return file != nullptr ? std::string(" at ") + file + ":" + std::to_string(number) : "";
  }

  char* debug_path = nullptr;
  Dwfl_Callbacks callbacks{};
  Dwfl* dwfl = nullptr;
};

#else

struct Symbols::Impl {
  std::string describe(std::uintptr_t) const { return {}; }
};

#endif

Symbols::Symbols() : impl_(std::make_unique<Impl>()) {}
Symbols::~Symbols() = default;

std::string Symbols::describe(const void* address, bool is_return) const {
  const std::uintptr_t code = reinterpret_cast<std::uintptr_t>(address) - (is_return ? 1 : 0);
  const std::string text = impl_->describe(code);
  return !text.empty() ? text : describe_without_debug_information(code);
}

}  // namespace chantrace
