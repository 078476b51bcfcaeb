// A plain table for stdout: columns padded to their widest cell, two spaces between.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace tilewright {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  // Cells are shown as Printable (cli/printable.h). REQUIRES: as many cells as the header.
  void Add(std::vector<std::string> cells);
  // Cells that are all numbers (or "-") in a column are aligned right.
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the header first
};

}  // namespace tilewright
