/// \file
/// What is said of a rule of an object that was broken.
#pragma once

#include "chantrace/finding.h"
#include "words.h"

namespace chantrace {

Finding describe(const Misuse& misuse, const StateIndex& index);

}  // namespace chantrace
