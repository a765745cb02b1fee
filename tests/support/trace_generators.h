/// \file
/// Arbitrary traces for RapidCheck, such as a reader gives them. Their generators are compiled
/// once: that takes a minute.
#pragma once

#include <rapidcheck.h>

#include <ostream>

#include "chantrace/trace.h"

namespace chantrace {

std::ostream& operator<<(std::ostream& out, const EventRecord& event);
std::ostream& operator<<(std::ostream& out, const Trace& trace);

}  // namespace chantrace

namespace rc {

template <>
struct Arbitrary<chantrace::EventRecord> {
  static Gen<chantrace::EventRecord> arbitrary();
};

template <>
struct Arbitrary<chantrace::Trace> {
  static Gen<chantrace::Trace> arbitrary();
};

}  // namespace rc
