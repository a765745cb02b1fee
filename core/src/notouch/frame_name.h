/// \file
/// How functions are called in a report, and which of them belong to the system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "system_call.h"

namespace chantrace::notouch {

/// A function on a stack.
struct Frame {
  std::string function;  ///< As `plain_name` makes it; empty: not known.
  std::string place;     ///< file:line; empty: not known.
  bool is_system = false;
  bool is_in_program = false;  ///< Its code lies in a file of the program, whatever it is called.

  friend bool operator==(const Frame&, const Frame&) = default;
};

/// The name of a function without its return type, its parameters and what compilers append:
/// `void Pool::run<int>(int*) const [clone .cold]` is `Pool::run<int>`.
std::string plain_name(std::string_view demangled);

/// What a function of the library that starts a thread was given to run:
/// `std::thread::_State_impl<std::thread::_Invoker<std::tuple<main::{lambda()#1}> > >::_M_run` is
/// `main::{lambda()#1}`. Other names stay as they are.
std::string thread_body_name(const std::string& plain_name);

/// True for files that belong to the system and not to the program: the C and C++ libraries, the
/// loader, the vDSO, the runtimes of sanitizers, the probe.
bool is_system_module(std::string_view path);

/// True for headers of the C and C++ libraries, whose functions are inlined into the program.
bool is_system_header(std::string_view path);

/// True for functions that are the system's wherever they lie: what is in `std`, and how threads
/// start and wait where the C library is part of the program.
bool is_system_function(std::string_view plain_name);

/// The functions of the program among `frames`. Where there are none, as all were inlined, it is
/// what a thread was given to run, or else the innermost one whose code is in the program.
std::vector<const Frame*> program_frames(const std::vector<Frame>& frames);

/// What a wait is for, as the innermost functions of the system tell it; `wait` where they do not.
Wait wait_of(Wait wait, const std::vector<Frame>& frames);

}  // namespace chantrace::notouch
