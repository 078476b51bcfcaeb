#include "cli/run/top_classes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/npz/text_array.h"
#include "cli/run/model_inputs.h"
#include "cli/table.h"
#include "compiler/core/tensor.h"

namespace tilewright {
namespace {

constexpr uintmax_t kMaxLabelBytes = 64 << 20;

// [N, C] of a class output; rank 0 for another.
Shape RowsOf(const NpzArray& output) {
  const auto dtype = ParseDType(output.dtype);
  Shape shape = output.shape;
  while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
  if (shape.size() == 1) shape.insert(shape.begin(), 1);
  if (!dtype || !IsFloat(*dtype) || shape.size() != 2 || shape[1] < 2) return {};
  return shape;
}

Tensor ValuesOf(const NpzArray& output, const Shape& rows) {
  Tensor tensor({*ParseDType(output.dtype), rows});
  std::memcpy(tensor.data(), output.data.data(), output.data.size());
  return tensor;
}

// Positions of the first `count`.
std::vector<int64_t> Best(const std::vector<double>& values, int64_t count) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](int64_t a, int64_t b) {
    const double x = values[static_cast<size_t>(a)], y = values[static_cast<size_t>(b)];
    if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
    return x > y || (!(x < y) && a < b);
  };
  const auto kept = std::min<int64_t>(count, static_cast<int64_t>(order.size()));
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), before);
  order.resize(static_cast<size_t>(kept));
  return order;
}

absl::Status CheckLabels(const NpzArray& output, int64_t classes,
                         const std::vector<std::string>& labels) {
  if (labels.empty() || static_cast<int64_t>(labels.size()) == classes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("output ", output.name, " has ", classes,
                                                 " classes, the labels are ", labels.size()));
}

std::vector<double> ScoresOf(const Tensor& values, int64_t row) {
  const int64_t classes = values.shape()[1];
  std::vector<double> scores;
  for (int64_t i = 0; i < classes; ++i) scores.push_back(values.AsDouble(row * classes + i));
  return scores;
}

// The names that the model itself has for an output's classes.
std::vector<std::string> OwnLabels(const std::vector<NpzArray>& outputs, const NpzArray& output) {
  for (const NpzArray& array : outputs) {
    if (array.name == absl::StrCat(output.name, kClassesOf)) return TextsOf(array);
  }
  return {};
}

absl::Status NoClassOutput(const std::vector<NpzArray>& outputs) {
  const auto text = [](std::string* out, const NpzArray& array) {
    absl::StrAppend(out, array.name, " ", array.dtype, "[", absl::StrJoin(array.shape, ","), "]");
  };
  return absl::InvalidArgumentError(
      absl::StrCat("no output has classes (floating-point [N,C]); the outputs are ",
                   absl::StrJoin(outputs, ", ", text)));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadLabels(const std::string& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path);
  if (error || !in) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  if (size > kMaxLabelBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than 64 MiB"));
  }
  std::vector<std::string> labels;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    labels.push_back(std::move(line));
  }
  if (labels.empty()) return absl::InvalidArgumentError(absl::StrCat(path, " has no labels"));
  return labels;
}

absl::StatusOr<std::vector<RankedClass>> TopClasses(const std::vector<NpzArray>& outputs,
                                                    int64_t count,
                                                    const std::vector<std::string>& labels) {
  std::vector<RankedClass> found;
  bool any = false;
  for (const NpzArray& output : outputs) {
    const Shape rows = RowsOf(output);
    if (rows.empty()) continue;
    any = true;
    const std::vector<std::string> names = labels.empty() ? OwnLabels(outputs, output) : labels;
    TW_RETURN_IF_ERROR(CheckLabels(output, rows[1], names));
    const Tensor values = ValuesOf(output, rows);
    for (int64_t row = 0; row < rows[0]; ++row) {
      const std::vector<double> scores = ScoresOf(values, row);
      for (const int64_t index : Best(scores, count)) {
        const auto at = static_cast<size_t>(index);
        found.push_back({output.name, row, index, scores[at], names.empty() ? "" : names[at]});
      }
    }
  }
  if (!any) return NoClassOutput(outputs);
  return found;
}

std::string ToText(const std::vector<RankedClass>& classes) {
  Table table({"output", "row", "class", "value", "label"});
  for (const RankedClass& c : classes) {
    table.Add({c.output, absl::StrCat(c.row), absl::StrCat(c.index),
               absl::StrFormat("%.6g", c.value), c.label});
  }
  std::ostringstream text;
  table.Print(text);
  return text.str();
}

}  // namespace tilewright
