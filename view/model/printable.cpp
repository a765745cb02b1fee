#include "printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>

namespace chantrace::view {
namespace {

using detail::Character;
using detail::first_character;

struct Range {
  char32_t first;
  char32_t last;
};

// Characters that are drawn over the one before them.
//
// Source: Unicode 15, general categories Mn and Me, the ranges that are in common use.
constexpr std::array kCombining = {
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd}, Range{0x0610, 0x061a},
    Range{0x064b, 0x065f}, Range{0x06d6, 0x06dc}, Range{0x0900, 0x0902}, Range{0x093c, 0x093c},
    Range{0x0941, 0x0948}, Range{0x094d, 0x094d}, Range{0x0e31, 0x0e31}, Range{0x0e34, 0x0e3a},
    Range{0x0e47, 0x0e4e}, Range{0x1ab0, 0x1aff}, Range{0x1dc0, 0x1dff}, Range{0x20d0, 0x20ff},
    Range{0x302a, 0x302d}, Range{0x3099, 0x309a}, Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}};

// Characters that take two columns.
//
// Source: Unicode 15, East_Asian_Width W and F.
constexpr std::array kWide = {
    Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x2329, 0x232a},
    Range{0x23e9, 0x23ec},   Range{0x23f0, 0x23f0},   Range{0x23f3, 0x23f3},
    Range{0x25fd, 0x25fe},   Range{0x2614, 0x2615},   Range{0x2648, 0x2653},
    Range{0x267f, 0x267f},   Range{0x2693, 0x2693},   Range{0x26a1, 0x26a1},
    Range{0x26aa, 0x26ab},   Range{0x26bd, 0x26be},   Range{0x26c4, 0x26c5},
    Range{0x26ce, 0x26ce},   Range{0x26d4, 0x26d4},   Range{0x26ea, 0x26ea},
    Range{0x26f2, 0x26f3},   Range{0x26f5, 0x26f5},   Range{0x26fa, 0x26fa},
    Range{0x26fd, 0x26fd},   Range{0x2705, 0x2705},   Range{0x270a, 0x270b},
    Range{0x2728, 0x2728},   Range{0x274c, 0x274c},   Range{0x274e, 0x274e},
    Range{0x2753, 0x2755},   Range{0x2757, 0x2757},   Range{0x2795, 0x2797},
    Range{0x27b0, 0x27b0},   Range{0x27bf, 0x27bf},   Range{0x2b1b, 0x2b1c},
    Range{0x2b50, 0x2b50},   Range{0x2b55, 0x2b55},   Range{0x2e80, 0x303e},
    Range{0x3041, 0x33ff},   Range{0x3400, 0x4dbf},   Range{0x4e00, 0xa4cf},
    Range{0xa960, 0xa97f},   Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},
    Range{0xfe10, 0xfe19},   Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},
    Range{0xffe0, 0xffe6},   Range{0x16fe0, 0x18aff}, Range{0x1b000, 0x1b2ff},
    Range{0x1f004, 0x1f004}, Range{0x1f0cf, 0x1f0cf}, Range{0x1f18e, 0x1f18e},
    Range{0x1f191, 0x1f19a}, Range{0x1f200, 0x1f320}, Range{0x1f32d, 0x1f335},
    Range{0x1f337, 0x1f37c}, Range{0x1f37e, 0x1f393}, Range{0x1f3a0, 0x1f3ca},
    Range{0x1f3cf, 0x1f3d3}, Range{0x1f3e0, 0x1f3f0}, Range{0x1f3f4, 0x1f3f4},
    Range{0x1f3f8, 0x1f43e}, Range{0x1f440, 0x1f440}, Range{0x1f442, 0x1f4fc},
    Range{0x1f4ff, 0x1f53d}, Range{0x1f54b, 0x1f54e}, Range{0x1f550, 0x1f567},
    Range{0x1f57a, 0x1f57a}, Range{0x1f595, 0x1f596}, Range{0x1f5a4, 0x1f5a4},
    Range{0x1f5fb, 0x1f64f}, Range{0x1f680, 0x1f6c5}, Range{0x1f6cc, 0x1f6cc},
    Range{0x1f6d0, 0x1f6d2}, Range{0x1f6d5, 0x1f6d7}, Range{0x1f6dc, 0x1f6df},
    Range{0x1f6eb, 0x1f6ec}, Range{0x1f6f4, 0x1f6fc}, Range{0x1f7e0, 0x1f7eb},
    Range{0x1f90c, 0x1f93a}, Range{0x1f93c, 0x1f945}, Range{0x1f947, 0x1f9ff},
    Range{0x1fa70, 0x1faff}, Range{0x20000, 0x3fffd}};

template <std::size_t count>
constexpr bool is_sorted(const std::array<Range, count>& ranges) {
  for (std::size_t index = 1; index < count; ++index) {
    if (ranges[index - 1].last >= ranges[index].first) return false;
  }
  return true;
}
static_assert(is_sorted(kCombining) && is_sorted(kWide));

template <std::size_t count>
bool is_in(const std::array<Range, count>& ranges, char32_t code) {
  const auto range = std::lower_bound(ranges.begin(), ranges.end(), code,
                                      [](const Range& r, char32_t c) { return r.last < c; });
  return range != ranges.end() && range->first <= code;
}

std::size_t width_of(char32_t code) {
  if (code < 0x300) return 1;
  if (is_in(kCombining, code)) return 0;
  return is_in(kWide, code) ? 2 : 1;
}

using Edit = std::function<std::string(std::string_view)>;

void edit_texts(Site& site, const Edit& edit) {
  site.file = edit(site.file);
  site.function = edit(site.function);
}

void edit_texts(Deed& deed, const Edit& edit) {
  deed.text = edit(deed.text);
  deed.preempted = edit(deed.preempted);
  edit_texts(deed.site, edit);
}

void edit_texts(Explanation& explanation, const Edit& edit) {
  for (std::string& task : explanation.tasks) task = edit(task);
  for (Deed& deed : explanation.deeds) edit_texts(deed, edit);
  for (DecisiveOrder& order : explanation.orders) {
    edit_texts(order.first, edit);
    edit_texts(order.second, edit);
  }
  for (DecisiveChoice& choice : explanation.choices) {
    edit_texts(choice.deed, edit);
    choice.outcome = edit(choice.outcome);
  }
}

void edit_texts(std::vector<Participant>& participants, const Edit& edit) {
  for (Participant& participant : participants) {
    participant.label = edit(participant.label);
    participant.text = edit(participant.text);
    edit_texts(participant.site, edit);
    edit_texts(participant.started_at, edit);
    participant.started_by = edit(participant.started_by);
  }
}

void edit_texts(Finding& finding, const Edit& edit) {
  finding.summary = edit(finding.summary);
  for (std::string& line : finding.reason) line = edit(line);
  for (FindingSite& place : finding.sites) {
    place.role = edit(place.role);
    edit_texts(place.site, edit);
  }
  edit_texts(finding.participants, edit);
  edit_texts(finding.behind, edit);
}

/// Every text that `trace` has.
void edit_texts(Trace& trace, const Edit& edit) {
  trace.header.program = edit(trace.header.program);
  trace.header.test = edit(trace.header.test);
  trace.header.build_id = edit(trace.header.build_id);
  for (std::string& argument : trace.header.arguments) argument = edit(argument);
  for (auto& [name, value] : trace.header.options) {
    name = edit(name);
    value = edit(value);
  }
  for (TaskInfo& task : trace.tasks) task.label = edit(task.label);
  for (ObjectInfo& object : trace.objects) {
    object.name = edit(object.name);
    object.type = edit(object.type);
  }
  for (auto& [id, site] : trace.sites) edit_texts(site, edit);
  for (auto& [id, text] : trace.texts) text = edit(text);
  for (ModuleInfo& module : trace.modules) module.path = edit(module.path);
  for (std::string& warning : trace.warnings) warning = edit(warning);
  if (!trace.end) return;
  for (Finding& finding : trace.end->findings) edit_texts(finding, edit);
  if (trace.end->explanation) edit_texts(*trace.end->explanation, edit);
}

/// At most so many columns, and twice as many code points: some take no column, any number of them.
std::string limited(std::string_view text, std::size_t columns_max, Charset charset) {
  return fit(detail::cut_to_code_points(text, 2 * columns_max), columns_max, charset);
}

}  // namespace

void make_printable(Trace& trace, Charset charset) {
  edit_texts(trace, [&](std::string_view text) { return printable(text, charset); });
}

void shorten_names(Trace& trace, Charset charset) {
  constexpr std::size_t kColumnsMax = 200;
  for (TaskInfo& task : trace.tasks) task.label = limited(task.label, kColumnsMax, charset);
  for (ObjectInfo& object : trace.objects) object.name = limited(object.name, kColumnsMax, charset);
}

void make_brief(Trace& trace, Charset charset) {
  constexpr std::size_t kColumnsMax = 1'000;
  make_printable(trace, charset);
  shorten_names(trace, charset);
  // The end of a path says most.
  for (auto& [id, site] : trace.sites) site.file = fit_end(site.file, kColumnsMax, charset);
  edit_texts(trace, [&](std::string_view text) { return limited(text, kColumnsMax, charset); });
}

std::size_t width_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    columns += character.is_valid ? width_of(character.code) : 1;
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns_max, Charset charset) {
  if (width_of(text) <= columns_max) return std::string(text);
  if (columns_max == 0) return {};

  const std::string_view omission = charset == Charset::kUtf8 ? "…" : "~";
  std::size_t columns = 0;
  std::size_t bytes = 0;
  while (true) {
    const Character character = first_character(text.substr(bytes));
    const std::size_t next = character.is_valid ? width_of(character.code) : 1;
    if (columns + next > columns_max - 1) break;
    columns += next;
    bytes += character.bytes;
  }
  return std::string(text.substr(0, bytes)).append(omission);
}

std::string fit_end(std::string_view text, std::size_t columns_max, Charset charset) {
  std::size_t columns = width_of(text);
  if (columns <= columns_max) return std::string(text);
  const std::string_view omission = charset == Charset::kUtf8 ? "…" : "~";
  if (columns_max == 0) return {};
  while (!text.empty() && columns > columns_max - 1) {
    const Character character = first_character(text);
    columns -= character.is_valid ? width_of(character.code) : 1;
    text.remove_prefix(character.bytes);
  }
  // A path is best cut before the name of a folder or file.
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) text.remove_prefix(slash);
  return std::string(omission).append(text);
}

std::string pad_right(std::string_view text, std::size_t columns) {
  const std::size_t width = width_of(text);
  return std::string(text).append(width < columns ? columns - width : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t columns) {
  const std::size_t width = width_of(text);
  return std::string(width < columns ? columns - width : 0, ' ').append(text);
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns_max, Charset charset) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string word = fit(text.substr(0, space), columns_max, charset);
    if (!line.empty() && width_of(line) + 1 + width_of(word) > columns_max) {
      lines.push_back(std::move(line));
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string reflow(std::string_view text, std::size_t columns_max, Charset charset) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));

    const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t gap = line.find("  ", first);
    const std::size_t value = gap == std::string_view::npos
                                  ? line.size()
                                  : std::min(line.find_first_not_of(' ', gap), line.size());
    const bool has_label = value < line.size();
    const std::size_t lead = has_label ? value : first;
    const std::size_t indent = width_of(line.substr(0, lead)) + (has_label ? 0 : 2);
    // Where hardly anything is left beside the label, the line stays as it is.
    if (width_of(line) <= columns_max || indent + 16 > columns_max) {
      result.append(line).append("\n");
      continue;
    }
    std::string start{line.substr(0, lead)};
    for (const std::string& piece : wrap(line.substr(lead), columns_max - indent, charset)) {
      result.append(start).append(piece).append("\n");
      start.assign(indent, ' ');
    }
  }
  return result;
}

}  // namespace chantrace::view
