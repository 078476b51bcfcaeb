// Tables for signals: HannWindow, HammingWindow, BlackmanWindow and MelWeightMatrix.
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright::onnx_ops {
namespace {

constexpr int64_t kMaxTable = int64_t{1} << 26;

absl::StatusOr<DType> OutputType(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(
      const DType dtype,
      FromOnnxType(static_cast<int32_t>(b.Int("output_datatype", onnx::TensorProto::FLOAT))));
  return dtype;
}

// A number that must be known when the model is imported.
absl::StatusOr<double> Number(const OpBuilder& b, size_t i, std::string_view what) {
  TW_ASSIGN_OR_RETURN(const Tensor tensor, b.ConstInput(i, what));
  if (tensor.size() == 1) return tensor.AsDouble(0);
  return absl::InvalidArgumentError("sizes and frequencies must be scalars");
}

absl::StatusOr<int64_t> Count(const OpBuilder& b, size_t i, std::string_view what) {
  TW_ASSIGN_OR_RETURN(const double value, Number(b, i, what));
  if (value >= 0 && value <= static_cast<double>(kMaxTable)) return static_cast<int64_t>(value);
  return absl::InvalidArgumentError(absl::StrCat("size ", value, " is outside 0 to ", kMaxTable));
}

// sum of weights[k] * cos(2 pi k i / n), the signs alternating.
absl::StatusOr<Outputs> CosineWindow(OpBuilder& b, const std::vector<double>& weights) {
  TW_ASSIGN_OR_RETURN(const DType dtype, OutputType(b));
  TW_ASSIGN_OR_RETURN(const int64_t size, Count(b, 0, "size"));
  const auto period =
      static_cast<double>(b.Int("periodic", 1) != 0 ? size : std::max<int64_t>(size - 1, 1));
  Tensor table({dtype, {size}});
  for (int64_t i = 0; i < size; ++i) {
    double value = 0, sign = 1;
    for (size_t k = 0; k < weights.size(); ++k, sign = -sign) {
      const double angle = 2 * M_PI * static_cast<double>(k) * static_cast<double>(i) / period;
      value += sign * weights[k] * std::cos(angle);
    }
    table.Set(i, IsFloat(dtype) ? value : std::trunc(value));
  }
  return b.Constant(std::move(table));
}

OpRow Row(const char* op_type, std::vector<double> weights) {
  return {op_type, 17, 1, [weights](OpBuilder& b) { return CosineWindow(b, weights); }, kSizes};
}

double Mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double Hertz(double mel) { return 700 * (std::pow(10.0, mel / 2595) - 1); }

struct MelScale {
  int64_t count;
  double low, high, dft, rate;
};

// Bins of the spectrum where the triangles start, peak and end.
std::vector<int64_t> MelBins(const MelScale& scale) {
  const auto& [count, low, high, dft, rate] = scale;
  std::vector<int64_t> bins;
  const double step = (Mel(high) - Mel(low)) / static_cast<double>(count + 2);
  for (int64_t i = 0; i < count + 2; ++i) {
    const double hertz = Hertz(static_cast<double>(i) * step + Mel(low));
    bins.push_back(static_cast<int64_t>(std::floor((dft + 1) * hertz / rate)));
  }
  return bins;
}

// Triangles over the spectrum, [dft_length / 2 + 1, bins], as ONNX's reference implementation
// computes them.
absl::StatusOr<Outputs> MelWeightMatrix(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const DType dtype, OutputType(b));
  TW_ASSIGN_OR_RETURN(const int64_t count, Count(b, 0, "num_mel_bins"));
  TW_ASSIGN_OR_RETURN(const int64_t dft, Count(b, 1, "dft_length"));
  TW_ASSIGN_OR_RETURN(const int64_t rate, Count(b, 2, "sample_rate"));
  TW_ASSIGN_OR_RETURN(const double low, Number(b, 3, "lower_edge_hertz"));
  TW_ASSIGN_OR_RETURN(const double high, Number(b, 4, "upper_edge_hertz"));
  const int64_t rows = dft / 2 + 1;
  if (rate < 1 || !(low >= 0 && low < high && high <= static_cast<double>(rate)) ||
      rows > kMaxTable / std::max<int64_t>(count, 1)) {
    return absl::InvalidArgumentError("frequencies or sizes do not fit each other");
  }
  const std::vector<int64_t> bins =
      MelBins({count, low, high, static_cast<double>(dft), static_cast<double>(rate)});
  Tensor table({dtype, {rows, count}});
  const auto set = [&](int64_t row, int64_t column, double value) {
    if (row < rows) {
      table.Set(row * count + column, IsFloat(dtype) ? value : std::trunc(value));
    }
  };
  for (int64_t i = 0; i < count; ++i) {
    const int64_t start = bins[i], peak = bins[i + 1], end = bins[i + 2];
    if (peak == start) {
      set(peak, i, 1);
    } else {
      for (int64_t j = start; j <= peak; ++j) {
        set(j, i, static_cast<double>(j - start) / static_cast<double>(peak - start));
      }
    }
    for (int64_t j = peak; end > peak && j < end; ++j) {
      set(j, i, static_cast<double>(end - j) / static_cast<double>(end - peak));
    }
  }
  return b.Constant(std::move(table));
}

}  // namespace

OpList windows() {
  // The weights of ONNX's definition; Hamming's are 25/46 and 21/46.
  return {Row("HannWindow", {0.5, 0.5}),
          Row("HammingWindow", {25.0 / 46, 21.0 / 46}),
          Row("BlackmanWindow", {0.42, 0.5, 0.08}),
          {"MelWeightMatrix", 17, 5, MelWeightMatrix, kSizes}};
}

}  // namespace tilewright::onnx_ops
