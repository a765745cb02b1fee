/// \file
/// Makes every GoogleTest test of a program record its concurrency and fail when it leaves
/// something blocked, leaked or broken behind.
#pragma once

namespace chantrace {

/// Installs the listener, and takes the `--chantrace_...` flags out of the command line. Flags and
/// the environment variables of the same names (`CHANTRACE_OUT` for `--chantrace_out`) are
/// described by `--help`; a flag goes before its variable.
///
/// Call it once, in `main`, before `RUN_ALL_TESTS()`. A flag that makes no sense ends the program
/// with status 2 and a line that says so.
///
/// In a death test's child it does nothing.
void install_listener(int* argc, char** argv);

}  // namespace chantrace
