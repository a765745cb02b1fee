/// \file
/// What a page asks of a trace that is too long to be in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "document.h"
#include "model/long_trace.h"
#include "request.h"

namespace chantrace::view {

/// Threads: one thread at a time.
class LongPages {
 public:
  /// `base`: where, seen from the page, `respond` is asked.
  LongPages(LongTrace trace, std::string title, std::string base);

  /// The page, with the first steps in it.
  Response page();
  /// Whether `respond` knows what that is.
  static bool answers(std::string_view what);
  /// `what`: "document" (`step`), "levels" (`from`, `to`, `cells`, `lane`, `lanes`) or "next"
  /// (`from`, `direction`, and one of `task`, `object`, `preemption` and `q`), as page/windows.ts
  /// asks for it.
  Response respond(std::string_view what, const Request& request);

 private:
  Response document(const Request& request);
  Response levels(const Request& request) const;
  Response next(const Request& request);

  LongTrace trace_;
  const std::string title_;
  const std::string base_;
  std::vector<PlacedFinding> findings_;
};

}  // namespace chantrace::view
