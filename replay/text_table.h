/// \file
/// A table of text: columns as wide as their content, numbers at the right.
#pragma once

#include <string>
#include <vector>

#include "columns.h"

namespace chantrace::replay {

/// Rows under one head.
///
/// Requires: all texts are printable.
class TextTable {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string head;
    Align align = Align::kRight;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Requires: as many cells as columns.
  void add(std::vector<std::string> row);
  bool is_empty() const { return rows_.empty(); }

  /// The lines, with two spaces between columns and none at their ends. The widest column at the
  /// left gives way where they do not fit the screen.
  std::string draw(const Drawing& drawing) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace chantrace::replay
