// Call stacks by frame pointers: some nanoseconds a frame, and nothing is looked up. Code built
// without frame pointers ends a stack early, and does no other harm: only words inside the thread's
// own stack are read.
#include "stack.h"

#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>

#include "recording.h"
#include "runtime.h"

namespace chantrace::detail {
namespace {

/// The end of the calling thread's stack; 0: not known.
std::uintptr_t stack_end() {
  thread_local const std::uintptr_t end = [] {
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return std::uintptr_t{0};
    void* start = nullptr;
    std::size_t size = 0;
    pthread_attr_getstack(&attributes, &start, &size);
    pthread_attr_destroy(&attributes);
    return reinterpret_cast<std::uintptr_t>(start) + size;
  }();
  return end;
}

std::string build_id_of(const dl_phdr_info& info) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info.dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* note = reinterpret_cast<const char*>(info.dlpi_addr + header.p_vaddr);
    const char* const end = note + header.p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      const auto* const head = reinterpret_cast<const ElfW(Nhdr)*>(note);
      const char* const name = note + sizeof *head;
      const char* const data = name + ((head->n_namesz + 3u) & ~3u);
      if (head->n_type == NT_GNU_BUILD_ID && std::string_view(name, 3) == "GNU") {
        std::string id;
        for (std::uint32_t byte = 0; byte < head->n_descsz; ++byte) {
          id += kDigits[static_cast<unsigned char>(data[byte]) >> 4];
          id += kDigits[static_cast<unsigned char>(data[byte]) & 15];
        }
        return id;
      }
      note = data + ((head->n_descsz + 3u) & ~3u);
    }
  }
  return {};
}

}  // namespace

__attribute__((noinline, no_sanitize("address"))) std::size_t capture_stack(
    std::uint64_t* frames, std::size_t frames_max) {
  const std::uintptr_t end = stack_end();
  auto frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  std::size_t count = 0;
  while (count < frames_max && frame % sizeof(void*) == 0 && frame + 2 * sizeof(void*) <= end) {
    const auto* const words = reinterpret_cast<const std::uintptr_t*>(frame);
    if (words[1] == 0) break;
    frames[count++] = words[1];
    if (words[0] <= frame) break;  // A caller's frame is further up.
    frame = words[0];
  }
  return count;
}

void record_stack(TaskControl& self, std::uint32_t site) {
  if (self.recording == nullptr || self.records_until_stack-- > 0) return;
  self.records_until_stack = self.recording->stack_every() - 1;
  std::array<std::uint64_t, kStackFramesMax> frames;
  const std::size_t count = capture_stack(frames.data(), frames.size());
  if (count == 0) return;
  ++self.other_records;
  store_record(self, EventRecord{.time = ticks(),
                                 .value = self.recording->stack({frames.data(), count}),
                                 .site = site,
                                 .operation = Operation::kStack,
                                 .flags = make_flags(Phase::kBoth, Outcome::kOk)});
}

std::vector<ModuleInfo> list_modules() {
  std::vector<ModuleInfo> modules;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* list) {
        ModuleInfo module;
        module.path = info->dlpi_name;
        if (module.path.empty()) {
          char path[4096];
          const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
          if (size > 0) module.path.assign(path, static_cast<std::size_t>(size));
        }
        module.base = info->dlpi_addr;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& header = info->dlpi_phdr[i];
          if (header.p_type == PT_LOAD && header.p_vaddr + header.p_memsz > module.size_bytes)
            module.size_bytes = header.p_vaddr + header.p_memsz;
        }
        module.build_id = build_id_of(*info);
        static_cast<std::vector<ModuleInfo>*>(list)->push_back(std::move(module));
        return 0;
      },
      &modules);
  return modules;
}

const std::string& program_build_id() {
  static const std::string id = [] {
    // The program itself comes first.
    const std::vector<ModuleInfo> modules = list_modules();
    return modules.empty() ? std::string() : modules.front().build_id;
  }();
  return id;
}

}  // namespace chantrace::detail
