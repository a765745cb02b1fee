/// \file
/// The figures as a page of Markdown.
#pragma once

#include <string>
#include <vector>

#include "acceptance.h"
#include "measure.h"

namespace chantrace::bench {

std::string to_markdown(const std::vector<Row>& rows, const std::vector<Rule>& rules,
                        const Limits& limits);

}  // namespace chantrace::bench
