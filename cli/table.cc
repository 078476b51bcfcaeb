#include "cli/table.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "base/check.h"
#include "cli/printable.h"

namespace tilewright {
namespace {

bool IsNumeric(const std::string& cell) {
  double value;
  return cell == "-" || absl::SimpleAtod(cell, &value);
}

}  // namespace

void Table::Add(std::vector<std::string> cells) {
  TW_CHECK(cells.size() == rows_.front().size()) << "a row has one cell for each column";
  for (std::string& cell : cells) cell = Printable(cell);
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out) const {
  const size_t columns = rows_.front().size();
  std::vector<size_t> width(columns, 0);
  std::vector<bool> right(columns, rows_.size() > 1);
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t c = 0; c < columns; ++c) {
      width[c] = std::max(width[c], rows_[r][c].size());
      if (r > 0 && !IsNumeric(rows_[r][c])) right[c] = false;
    }
  }
  for (const std::vector<std::string>& row : rows_) {
    std::string line;
    for (size_t c = 0; c < columns; ++c) {
      const std::string padding(width[c] - row[c].size(), ' ');
      line += right[c] ? padding + row[c] : row[c] + padding;
      if (c + 1 < columns) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  }
}

}  // namespace tilewright
