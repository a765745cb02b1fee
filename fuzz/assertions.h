/// \file
/// GoogleTest's assertions in the body of a fuzz target, where the program has GoogleTest.
#pragma once

namespace chantrace {

/// An assertion has failed since they were forgotten; false where there is no GoogleTest.
bool has_failed_assertion();
void forget_assertions();

}  // namespace chantrace
