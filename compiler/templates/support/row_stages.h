// Stages of a kernel that works on a block of rows kept in scratch: each a nest over the rows and
// some columns, by whole vectors of columns and what is left as one short vector. A value.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "compiler/loop/compute.h"

namespace tilewright {

// Of the row and the column of an element.
using ElementFn = std::function<Expr(const Expr& row, const Expr& column)>;
using RowFn = std::function<Expr(const Expr& row)>;

// Where a stage stores its element of a row and a column; `only`, where it is set, says of which
// rows.
struct Destination {
  Buffer buffer;
  std::function<std::vector<Expr>(const Expr& row, const Expr& column)> at;
  RowFn only = nullptr;
};

// An element that is `result` of the sum over `extent` products.
struct Sum {
  int64_t extent;
  std::function<Expr(const Expr& row, const Expr& column, const Expr& k)> product;
  std::function<Expr(const Expr& sum, const Expr& row, const Expr& column)> result;
};

// Of a matrix product: rows, by vectors of columns.
struct RegisterTile {
  int64_t rows, vectors;
};

// The first `columns` of a buffer [rows, columns or more].
struct RowSource {
  Buffer buffer;
  int64_t columns;
};

struct RowStages {
  int64_t rows, lanes;

  // Each element by itself.
  Stmt Map(int64_t columns, const Destination& to, const ElementFn& value) const;
  // A matrix product in register tiles of at most so many vectors.
  // REQUIRES: rows is a multiple of the tile's.
  Stmt Multiply(int64_t columns, const RegisterTile& tile, const Sum& sum,
                const Destination& to) const;
  // into[r] = the columns of row r of `from`, reduced, and with them into[r] itself where that
  // `holds` a value.
  Stmt Reduce(Reducer reducer, const RowSource& from, const Buffer& into, bool holds) const;
  // to[r] = value(r) of each pair in order, by vectors of rows.
  Stmt ForRows(const std::vector<std::pair<Buffer, RowFn>>& stores) const;
};

}  // namespace tilewright
