#include "unwinder.h"

#include <cxxabi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "call_site.h"
#include "libdw.h"
#include "process.h"

namespace chantrace::notouch {

#if defined(CHANTRACE_NOTOUCH_HAS_LIBDW) && defined(__x86_64__)

namespace {

// Source: the System V ABI for x86-64, figure 3.36.
constexpr int kFrameRegister = 6;
constexpr int kStackRegister = 7;

/// Where a walk along a stack is.
struct Position {
  std::uint64_t code = 0;  ///< The address to return to, but for the innermost.
  std::uint64_t stack_pointer = 0;
  std::optional<std::uint64_t> frame_pointer;  ///< Not known of a system call.
};

/// A walk by call frame information, as libdw's callbacks see it.
struct Walk {
  const LibDw* libdw = nullptr;
  const StackCopy* stack = nullptr;
  Position position;
  bool is_innermost = true;
  std::vector<std::uint64_t>* codes = nullptr;
};

std::string demangle(const char* name) {
  // Of C, whose names may look like those of types: `i`, `f`.
  if (!std::string_view(name).starts_with("_Z")) return name;
  int status = 0;
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : name;
  std::free(text);
  return result;
}

bool read_word(Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) {
  const auto word = static_cast<Walk*>(argument)->stack->word(address);
  if (word) *result = *word;
  return word || read_memory(address, result, sizeof *result) == sizeof *result;
}

bool get_thread(Dwfl*, pid_t, void* argument, void** thread_argument) {
  *thread_argument = argument;
  return true;
}

pid_t next_thread(Dwfl*, void*, void**) { return 0; }

bool set_registers(Dwfl_Thread* thread, void* argument) {
  const Walk& walk = *static_cast<Walk*>(argument);
  const Position& at = walk.position;
  walk.libdw->dwfl_thread_state_register_pc(thread, at.code);
  const Dwarf_Word stack_pointer = at.stack_pointer;
  if (!walk.libdw->dwfl_thread_state_registers(thread, kStackRegister, 1, &stack_pointer))
    return false;
  if (!at.frame_pointer) return true;
  const Dwarf_Word frame_pointer = *at.frame_pointer;
  return walk.libdw->dwfl_thread_state_registers(thread, kFrameRegister, 1, &frame_pointer);
}

int visit_frame(Dwfl_Frame* frame, void* argument) {
  Walk& walk = *static_cast<Walk*>(argument);
  Dwarf_Addr code = 0;
  bool is_activation = false;
  Dwarf_Word stack_pointer = 0;
  if (!walk.libdw->dwfl_frame_pc(frame, &code, &is_activation) || code == 0) return DWARF_CB_ABORT;
  if (walk.libdw->dwfl_frame_reg(frame, kStackRegister, &stack_pointer) != 0) return DWARF_CB_ABORT;
  const bool is_first = code == walk.position.code && stack_pointer == walk.position.stack_pointer;
  // Outwards, or not at all.
  if (!is_first && stack_pointer <= walk.position.stack_pointer) return DWARF_CB_ABORT;
  if (!is_first || walk.is_innermost)
    walk.codes->push_back(is_activation && walk.is_innermost ? code : code - 1);
  walk.is_innermost = false;
  Dwarf_Word frame_pointer = 0;
  walk.position = {code, stack_pointer, std::nullopt};
  if (walk.libdw->dwfl_frame_reg(frame, kFrameRegister, &frame_pointer) == 0)
    walk.position.frame_pointer = frame_pointer;
  return walk.codes->size() < kFramesMax ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/// The names of the scopes that a function without a symbol is declared in, and its own.
std::string qualified_name(const LibDw& libdw, Dwarf_Die function) {
  for (const unsigned origin : {DW_AT_abstract_origin, DW_AT_specification}) {
    Dwarf_Attribute attribute;
    Dwarf_Die next;
    if (libdw.dwarf_attr(&function, origin, &attribute) != nullptr &&
        libdw.dwarf_formref_die(&attribute, &next) != nullptr)
      function = next;
  }
  std::string name;
  Dwarf_Die* scopes = nullptr;
  const int count = libdw.dwarf_getscopes_die(&function, &scopes);
  for (int i = 0; i < count; ++i) {
    const int tag = libdw.dwarf_tag(&scopes[i]);
    if (tag == DW_TAG_compile_unit || tag == DW_TAG_partial_unit) break;
    const char* scope = libdw.dwarf_diename(&scopes[i]);
    if (scope == nullptr && (tag == DW_TAG_structure_type || tag == DW_TAG_class_type))
      scope = "{lambda}";
    if (scope != nullptr) name = name.empty() ? scope : scope + ("::" + name);
  }
  std::free(scopes);
  return name;
}

std::string function_name(const LibDw& libdw, Dwarf_Die* function) {
  Dwarf_Attribute attribute;
  if (libdw.dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute) != nullptr)
    if (const char* const name = libdw.dwarf_formstring(&attribute))
      return plain_name(demangle(name));
  return qualified_name(libdw, *function);
}

std::string join_place(const char* file, std::uint64_t line) {
  return file != nullptr ? std::string(file) + ":" + std::to_string(line) : "";
}

std::string place_of(const LibDw& libdw, Dwarf_Die* unit, Dwarf_Addr address) {
  Dwarf_Line* const line = libdw.dwarf_getsrc_die(unit, address);
  int number = 0;
  if (line == nullptr || libdw.dwarf_lineno(line, &number) != 0) return {};
  return join_place(libdw.dwarf_linesrc(line, nullptr, nullptr),
                    static_cast<std::uint64_t>(number));
}

/// Where an inlined function was called.
std::string call_place(const LibDw& libdw, Dwarf_Die* unit, Dwarf_Die* inlined) {
  const auto number_of = [&](unsigned attribute_name) {
    Dwarf_Attribute attribute;
    Dwarf_Word number = 0;
    if (libdw.dwarf_attr(inlined, attribute_name, &attribute) == nullptr ||
        libdw.dwarf_formudata(&attribute, &number) != 0)
      return Dwarf_Word{0};
    return number;
  };
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  const Dwarf_Word file = number_of(DW_AT_call_file);
  if (libdw.dwarf_getsrcfiles(unit, &files, &count) != 0 || file >= count) return {};
  return join_place(libdw.dwarf_filesrc(files, file, nullptr, nullptr), number_of(DW_AT_call_line));
}

/// Adds the functions that were inlined at `address`, the innermost first.
///
/// Returns: the place in the function that they were inlined into.
std::string add_inlined(const LibDw& libdw, Dwarf_Die* unit, Dwarf_Addr address,
                        std::vector<Frame>& frames) {
  std::string place = place_of(libdw, unit, address);
  Dwarf_Die* innermost = nullptr;
  Dwarf_Die* scopes = nullptr;
  int count = 0;
  // Outside of an inlined function the former goes on with where that is declared.
  if (libdw.dwarf_getscopes(unit, address, &innermost) > 0)
    count = libdw.dwarf_getscopes_die(&innermost[0], &scopes);
  for (int i = 0; i < count; ++i) {
    if (libdw.dwarf_tag(&scopes[i]) == DW_TAG_subprogram) break;
    if (libdw.dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine) continue;
    const char* const header = libdw.dwarf_decl_file(&scopes[i]);
    frames.push_back({function_name(libdw, &scopes[i]), std::move(place),
                      header != nullptr && is_system_header(header)});
    place = call_place(libdw, unit, &scopes[i]);
  }
  std::free(scopes);
  std::free(innermost);
  return place;
}

int find_debuginfo(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base,
                   const char* file, const char* link, GElf_Word crc, char** result) {
  // Only what lies on this machine: the standard one may ask a server.
  return LibDw::load()->dwfl_build_id_find_debuginfo(module, data, name, base, file, link, crc,
                                                     result);
}

}  // namespace

struct Unwinder::Impl {
  Impl() : libdw(LibDw::load()) {
    if (libdw == nullptr) return;
    callbacks.find_elf = libdw->dwfl_linux_proc_find_elf;
    callbacks.find_debuginfo = find_debuginfo;
    callbacks.debuginfo_path = &debug_path;
    dwfl = libdw->dwfl_begin(&callbacks);
    if (dwfl == nullptr) return;
    // The process's number is that of its main thread, which may have ended.
    libdw->dwfl_linux_proc_report(dwfl, gettid());
    libdw->dwfl_report_end(dwfl, nullptr, nullptr);
    static const Dwfl_Thread_Callbacks thread_callbacks{
        .next_thread = next_thread,
        .get_thread = get_thread,
        .memory_read = read_word,
        .set_initial_registers = set_registers,
        .detach = nullptr,
        .thread_detach = nullptr,
    };
    can_unwind = libdw->dwfl_attach_state(dwfl, nullptr, getpid(), &thread_callbacks, &walk);
  }
  ~Impl() {
    if (dwfl != nullptr) libdw->dwfl_end(dwfl);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Dwfl_Module* module_of(std::uint64_t code) const {
    return dwfl != nullptr ? libdw->dwfl_addrmodule(dwfl, code) : nullptr;
  }

  std::optional<std::uint64_t> entry_of(std::uint64_t code) const;
  std::optional<Position> find_caller(const Position& position, const StackCopy& stack) const;
  Dwarf_Die* unit_of(Dwfl_Module* module, std::uint64_t code, Dwarf_Addr& bias) const;
  std::string module_place(Dwfl_Module* module, std::uint64_t code) const;
  std::vector<Frame> describe(std::uint64_t code) const;

  const LibDw* libdw = nullptr;
  char* debug_path = nullptr;
  Dwfl_Callbacks callbacks{};
  Dwfl* dwfl = nullptr;
  bool can_unwind = false;
  Walk walk;
  std::map<std::uint64_t, std::vector<Frame>> described;
};

/// The address at which the function begins that `code` is in.
std::optional<std::uint64_t> Unwinder::Impl::entry_of(std::uint64_t code) const {
  Dwfl_Module* const module = module_of(code);
  if (module == nullptr) return std::nullopt;
  GElf_Off offset = 0;
  GElf_Sym symbol;
  if (libdw->dwfl_module_addrinfo(module, code, &offset, &symbol, nullptr, nullptr, nullptr) ==
      nullptr)
    return std::nullopt;
  return code - offset;
}

/// The caller of a function whose frame is found by its frame pointer, which is not known.
std::optional<Position> Unwinder::Impl::find_caller(const Position& position,
                                                    const StackCopy& stack) const {
  const auto entry = entry_of(position.code - 1);
  if (!entry || !keeps_frame_pointer(*entry)) return std::nullopt;
  const auto is_code = [this](std::uint64_t address) { return module_of(address) != nullptr; };
  const auto call = find_call(*entry, position.stack_pointer, stack, is_code);
  if (!call) return std::nullopt;
  return Position{call->returns_to, call->stack_pointer, call->frame_pointer};
}

/// The part of the debug information that `code` is in; null where there is none.
Dwarf_Die* Unwinder::Impl::unit_of(Dwfl_Module* module, std::uint64_t code,
                                   Dwarf_Addr& bias) const {
  Dwarf_Die* unit = libdw->dwfl_module_addrdie(module, code, &bias);
  if (unit != nullptr) return unit;
  // Clang makes no table of addresses (.debug_aranges), without which that knows nothing.
  while ((unit = libdw->dwfl_module_nextcu(module, unit, &bias)) != nullptr)
    if (libdw->dwarf_haspc(unit, code - bias) == 1) break;
  return unit;
}

/// For code without a name: where it lies in its file, which is the same in every run.
std::string Unwinder::Impl::module_place(Dwfl_Module* module, std::uint64_t code) const {
  Dwarf_Addr start = 0;
  const char* const path =
      libdw->dwfl_module_info(module, nullptr, &start, nullptr, nullptr, nullptr, nullptr, nullptr);
  const std::string_view file(path != nullptr ? path : "?");
  char offset[24];
  std::snprintf(offset, sizeof offset, "+0x%llx", static_cast<unsigned long long>(code - start));
  return std::string(file.substr(file.rfind('/') + 1)) + offset;
}

std::vector<Frame> Unwinder::Impl::describe(std::uint64_t code) const {
  std::vector<Frame> frames;
  Dwfl_Module* const module = module_of(code);
  if (module == nullptr) return frames;
  const char* const path = libdw->dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr,
                                                   nullptr, nullptr, nullptr);
  const bool is_in_program = path == nullptr || !is_system_module(path);
  std::string place;
  if (is_in_program) {
    Dwarf_Addr bias = 0;
    if (Dwarf_Die* const unit = unit_of(module, code, bias))
      place = add_inlined(*libdw, unit, code - bias, frames);
  }
  GElf_Off offset = 0;
  GElf_Sym symbol;
  const char* const name =
      libdw->dwfl_module_addrinfo(module, code, &offset, &symbol, nullptr, nullptr, nullptr);
  frames.push_back(
      {name != nullptr ? plain_name(demangle(name)) : module_place(module, code), place});
  for (Frame& frame : frames) {
    frame.is_in_program = is_in_program;
    frame.is_system = frame.is_system || !is_in_program || is_system_function(frame.function);
  }
  return frames;
}

Unwinder::Unwinder() : impl_(std::make_unique<Impl>()) {}
Unwinder::~Unwinder() = default;

std::vector<std::uint64_t> Unwinder::unwind(const SystemCall& call, const StackCopy& stack) {
  std::vector<std::uint64_t> codes;
  if (call.is_running || !impl_->can_unwind) return codes;
  Walk& walk = impl_->walk;
  walk = {impl_->libdw, &stack, {call.code, call.stack_pointer, std::nullopt}, true, &codes};
  while (codes.size() < kFramesMax) {
    impl_->libdw->dwfl_getthread_frames(impl_->dwfl, getpid(), visit_frame, &walk);
    // It ends at the outermost function, or where the frame pointer is needed.
    if (walk.position.frame_pointer || codes.empty()) break;
    const auto caller = impl_->find_caller(walk.position, stack);
    if (!caller) break;
    codes.push_back(caller->code - 1);
    walk.position = *caller;
  }
  return codes;
}

const std::vector<Frame>& Unwinder::describe(std::uint64_t code) {
  const auto found = impl_->described.find(code);
  if (found != impl_->described.end()) return found->second;
  return impl_->described[code] = impl_->describe(code);
}

std::string Unwinder::variable_at(std::uint64_t address) {
  Dwfl_Module* const module = impl_->module_of(address);
  if (module == nullptr) return {};
  GElf_Off offset = 0;
  GElf_Sym symbol;
  const char* const name = impl_->libdw->dwfl_module_addrinfo(module, address, &offset, &symbol,
                                                              nullptr, nullptr, nullptr);
  if (name == nullptr || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT || offset >= symbol.st_size)
    return {};
  return plain_name(demangle(name)) + (offset > 0 ? "+" + std::to_string(offset) : "");
}

#else

struct Unwinder::Impl {};
Unwinder::Unwinder() = default;
Unwinder::~Unwinder() = default;
std::vector<std::uint64_t> Unwinder::unwind(const SystemCall&, const StackCopy&) { return {}; }
const std::vector<Frame>& Unwinder::describe(std::uint64_t) {
  static const std::vector<Frame> none;
  return none;
}
std::string Unwinder::variable_at(std::uint64_t) { return {}; }

#endif

}  // namespace chantrace::notouch
