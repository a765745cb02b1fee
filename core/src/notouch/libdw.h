/// \file
/// The functions of libdw, which is loaded while the program runs: whoever links the library, or
/// has the probe loaded into a program, does not need it.
#pragma once

#ifdef CHANTRACE_NOTOUCH_HAS_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

namespace chantrace::notouch {

struct LibDw {
  /// Null where libdw is not installed, or is older than 0.188.
  static const LibDw* load();

#define CHANTRACE_LIBDW_FUNCTIONS(X) \
  X(dwfl_begin)                      \
  X(dwfl_end)                        \
  X(dwfl_linux_proc_report)          \
  X(dwfl_report_end)                 \
  X(dwfl_linux_proc_find_elf)        \
  X(dwfl_build_id_find_debuginfo)    \
  X(dwfl_addrmodule)                 \
  X(dwfl_module_info)                \
  X(dwfl_module_addrinfo)            \
  X(dwfl_module_addrdie)             \
  X(dwfl_module_nextcu)              \
  X(dwarf_haspc)                     \
  X(dwarf_getscopes)                 \
  X(dwarf_getscopes_die)             \
  X(dwarf_formref_die)               \
  X(dwarf_tag)                       \
  X(dwarf_attr_integrate)            \
  X(dwarf_attr)                      \
  X(dwarf_formstring)                \
  X(dwarf_formudata)                 \
  X(dwarf_diename)                   \
  X(dwarf_decl_file)                 \
  X(dwarf_getsrc_die)                \
  X(dwarf_linesrc)                   \
  X(dwarf_lineno)                    \
  X(dwarf_getsrcfiles)               \
  X(dwarf_filesrc)                   \
  X(dwfl_attach_state)               \
  X(dwfl_getthread_frames)           \
  X(dwfl_frame_pc)                   \
  X(dwfl_frame_reg)                  \
  X(dwfl_thread_state_registers)     \
  X(dwfl_thread_state_register_pc)
#define CHANTRACE_LIBDW_MEMBER(name) decltype(&::name) name = nullptr;
  CHANTRACE_LIBDW_FUNCTIONS(CHANTRACE_LIBDW_MEMBER)
#undef CHANTRACE_LIBDW_MEMBER
};

}  // namespace chantrace::notouch
#endif
