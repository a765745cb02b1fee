/// \file
/// Text from a trace as a terminal may show it: nothing in it can move the cursor, change a colour
/// or reorder what stands beside it, and its width in terminal columns is known.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/detail/printable.h"
#include "chantrace/trace.h"

namespace chantrace::view {

using detail::Charset;
using detail::printable;

/// Makes every text of `trace` printable, so that whatever is derived from it is so too.
void make_printable(Trace& trace, Charset charset);

/// Cuts names off where no view has room for more, after 200 columns: a name may be a megabyte, and
/// stands in all operations of its bearer.
///
/// Requires: they are printable.
void shorten_names(Trace& trace, Charset charset);

/// Makes every text printable, and cuts names off, and whatever else is longer than 1,000 columns:
/// for who has a line for each.
void make_brief(Trace& trace, Charset charset);

/// Columns of a terminal that `text` takes up: 2 for a wide character, 0 for a combining one.
///
/// Requires: `text` is printable.
std::size_t width_of(std::string_view text);

/// `text` itself where it fits in `columns_max`; otherwise its beginning, ending in a mark of
/// omission.
std::string fit(std::string_view text, std::size_t columns_max, Charset charset = Charset::kUtf8);

/// The end of `text` where it does not fit in `columns_max`, after a mark of omission.
std::string fit_end(std::string_view text, std::size_t columns_max, Charset charset);

/// `text` filled up with spaces to `columns`; at its right, or at its left for numbers.
std::string pad_right(std::string_view text, std::size_t columns);
std::string pad_left(std::string_view text, std::size_t columns);

/// `text` in lines of at most `columns_max`, broken at spaces; a longer word is cut with `fit`.
std::vector<std::string> wrap(std::string_view text, std::size_t columns_max,
                              Charset charset = Charset::kUtf8);

/// Each line of `text` in lines of at most `columns_max`; what follows its first is indented as far
/// as the line's last label, which ends in two spaces, or a little.
std::string reflow(std::string_view text, std::size_t columns_max,
                   Charset charset = Charset::kUtf8);

}  // namespace chantrace::view
