#include "compiler/core/outcome.h"

#include <algorithm>
#include <array>

namespace tilewright {
namespace {

struct Row {
  FailureKind kind;
  std::string_view name;
  int autotvm;  // MeasureErrorNo of apache/tvm v0.18 measure.py
};

constexpr std::array<Row, 7> kRows = {{{FailureKind::kInstantiation, "instantiation_error", 1},
                                       {FailureKind::kBuild, "build_error", 2},
                                       {FailureKind::kBuildTimeout, "build_timeout", 6},
                                       {FailureKind::kCrash, "crash", 4},
                                       {FailureKind::kRunTimeout, "run_timeout", 7},
                                       {FailureKind::kWrongResult, "wrong_result", 5},
                                       {FailureKind::kUnknown, "unknown_error", 8}}};

const Row& RowOf(FailureKind kind) { return kRows[static_cast<size_t>(kind)]; }

}  // namespace

std::string_view NameOf(FailureKind kind) { return RowOf(kind).name; }

std::optional<FailureKind> ParseFailureKind(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

int AutoTvmErrorNo(const Outcome& outcome) {
  const auto* failure = std::get_if<Failure>(&outcome);
  return failure ? RowOf(failure->kind).autotvm : 0;
}

std::optional<double> MedianSeconds(const Outcome& outcome) {
  const auto* timing = std::get_if<Timing>(&outcome);
  if (!timing || timing->seconds.empty()) return std::nullopt;
  std::vector<double> sorted = timing->seconds;
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

}  // namespace tilewright
