#include "frame_name.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>

namespace chantrace::notouch {
namespace {

// What a thread of libstdc++ runs, with the type of what it was given in its name.
constexpr std::string_view kThreadBody = "std::thread::_State_impl<";

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$';
}

/// Where the brackets close that open before `position`, counted from the end; what is inside them
/// is passed over. `text[position]` closes one.
std::size_t opening_of(std::string_view text, std::size_t position) {
  int depth = 0;
  for (std::size_t at = position + 1; at-- > 0;) {
    const char c = text[at];
    // An arrow and the operators of comparison and shifting are no brackets.
    if (c == '>' && at > 0 && text[at - 1] == '-') continue;
    if (c == ')' || c == ']' || c == '}' || c == '>') ++depth;
    if (c == '(' || c == '[' || c == '{' || c == '<') --depth;
    if (depth == 0) return at;
  }
  return std::string_view::npos;
}

void trim_right(std::string_view& text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
}

/// Cuts `const`, `&`, `[clone ...]` and the like off the end.
void cut_qualifiers(std::string_view& text) {
  for (bool has_cut = true; has_cut;) {
    has_cut = false;
    trim_right(text);
    for (const std::string_view word : {" const", " volatile", " &", " &&", " noexcept"}) {
      if (!text.ends_with(word)) continue;
      text.remove_suffix(word.size());
      has_cut = true;
    }
    if (!text.ends_with(']')) continue;
    const std::size_t start = text.rfind('[');
    if (start == std::string_view::npos || start == 0 || text[start - 1] != ' ') continue;
    text = text.substr(0, start);
    has_cut = true;
  }
}

/// Where the name of an operator function begins; npos: it is none.
std::size_t operator_in(std::string_view text) {
  constexpr std::string_view kWord = "operator";
  std::size_t found = text.size();
  while ((found = text.rfind(kWord, found)) != std::string_view::npos) {
    const bool begins = found == 0 || !is_word_character(text[found - 1]);
    const std::size_t after = found + kWord.size();
    if (begins && (after >= text.size() || !is_word_character(text[after]))) return found;
    if (found == 0) break;
    --found;
  }
  return std::string_view::npos;
}

/// Where the last word begins that stands outside of brackets.
std::size_t last_word(std::string_view text) {
  for (std::size_t at = text.size(); at-- > 0;) {
    const char c = text[at];
    // What is inside of a constant function has a space in its name.
    if (c == ' ' && text.substr(at + 1).starts_with("const::")) continue;
    if (c == ' ') return at + 1;
    if (c == ')' || c == ']' || c == '}' || (c == '>' && (at == 0 || text[at - 1] != '-'))) {
      const std::size_t opening = opening_of(text, at);
      if (opening == std::string_view::npos) return 0;
      at = opening;
      if (at == 0) break;
    }
  }
  return 0;
}

bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return text.starts_with(beginning); });
}

}  // namespace

std::string plain_name(std::string_view demangled) {
  // Symbols of the C library have a version.
  std::string_view text = demangled.substr(0, demangled.find('@'));
  cut_qualifiers(text);
  // The parameters, which end the text; `operator()` has a pair of its own.
  if (text.ends_with(')')) {
    const std::size_t opening = opening_of(text, text.size() - 1);
    if (opening != std::string_view::npos && opening > 0 &&
        !text.substr(0, opening).ends_with("operator"))
      text = text.substr(0, opening);
  }
  trim_right(text);
  if (text.empty()) return std::string(demangled);
  // The return type stands before the last word, which may be an operator with a type as its name.
  const std::size_t name = operator_in(text);
  const bool is_operator =
      name != std::string_view::npos && text.find("::", name) == std::string_view::npos;
  const std::size_t start = is_operator ? last_word(text.substr(0, name)) : last_word(text);
  return std::string(text.substr(start));
}

std::string thread_body_name(const std::string& plain_name) {
  constexpr std::string_view kArguments = "std::tuple<";
  const std::string_view text = plain_name;
  const std::size_t tuple = text.find(kArguments);
  if (!text.starts_with(kThreadBody) || tuple == std::string_view::npos) return plain_name;
  const std::size_t begin = tuple + kArguments.size();
  for (std::size_t end = text.find('>', begin); end != std::string_view::npos;
       end = text.find('>', end + 1)) {
    if (opening_of(text, end) != begin - 1) continue;
    std::string_view body = text.substr(begin, end - begin);
    trim_right(body);
    return std::string(body);
  }
  return plain_name;
}

bool is_system_module(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return begins_with_any(name, {"libc.so",
                                "libc-",
                                "libpthread",
                                "libstdc++",
                                "libc++",
                                "libgcc_s",
                                "ld-linux",
                                "ld-musl",
                                "libm.so",
                                "librt",
                                "libdl",
                                "linux-vdso",
                                "[vdso",
                                "libasan",
                                "libtsan",
                                "libubsan",
                                "liblsan",
                                "libclang_rt",
                                "libchantrace-notouch",
                                "libtbb"});
}

bool is_system_header(std::string_view path) {
  return path.find("/include/c++/") != std::string_view::npos ||
         (path.starts_with("/usr/include/") && path.find("/bits/") != std::string_view::npos);
}

bool is_system_function(std::string_view name) {
  return begins_with_any(name, {"std::",
                                "__gnu_cxx::",
                                "__cxa_",
                                "__cxxabiv1::",
                                "__gthread",
                                "pthread_",
                                "__pthread",
                                "___pthread",
                                "__lll_",
                                "__futex",
                                "__libc_",
                                "start_thread",
                                "clone",
                                "__clone",
                                "_start",
                                "__glibcxx_",
                                "__internal_syscall",
                                "__interceptor_",
                                "___interceptor_",
                                "__tsan",
                                "__asan",
                                "__sanitizer",
                                "chantrace::notouch::"});
}

std::vector<const Frame*> program_frames(const std::vector<Frame>& frames) {
  std::vector<const Frame*> result;
  for (const Frame& frame : frames)
    if (!frame.is_system && !frame.function.empty()) result.push_back(&frame);
  if (!result.empty()) return result;
  auto found = std::find_if(frames.begin(), frames.end(), [](const Frame& frame) {
    return frame.is_in_program && frame.function.starts_with(kThreadBody);
  });
  if (found == frames.end())
    found = std::find_if(frames.begin(), frames.end(), [](const Frame& frame) {
      return frame.is_in_program && !frame.function.empty();
    });
  if (found != frames.end()) result.push_back(&*found);
  return result;
}

Wait wait_of(Wait wait, const std::vector<Frame>& frames) {
  if (wait != Wait::kFutex && wait != Wait::kLock && wait != Wait::kJoin) return wait;
  struct Meaning {
    std::string_view part;
    Wait wait;
  };
  // What glibc has inlined into a wait has the name of the public function.
  constexpr std::array<Meaning, 11> kMeanings{{{"pthread_mutex_", Wait::kLock},
                                               {"pthread_rwlock_", Wait::kLock},
                                               {"pthread_spin_", Wait::kLock},
                                               {"pthread_cond_", Wait::kCondition},
                                               {"condition_variable", Wait::kCondition},
                                               {"pthread_barrier_", Wait::kBarrier},
                                               {"pthread_join", Wait::kJoin},
                                               {"pthread_clockjoin", Wait::kJoin},
                                               {"thread::join", Wait::kJoin},
                                               {"sem_", Wait::kSemaphore},
                                               {"semaphore", Wait::kSemaphore}}};
  for (const Frame& frame : frames) {
    if (!frame.is_system) break;
    for (const Meaning& meaning : kMeanings) {
      if (frame.function.find(meaning.part) == std::string::npos) continue;
      // One that has been notified waits for its mutex.
      return meaning.wait == Wait::kCondition && wait == Wait::kLock ? wait : meaning.wait;
    }
  }
  return wait;
}

}  // namespace chantrace::notouch
