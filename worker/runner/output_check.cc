#include "worker/runner/output_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "worker/runner/inputs.h"

namespace tilewright {

std::string ReadReference(const RunSpec& spec, int64_t bytes, std::vector<char>* expected) {
  expected->resize(static_cast<size_t>(bytes));
  std::ifstream in(spec.reference, std::ios::binary);
  in.read(expected->data(), bytes);
  if (in.gcount() == bytes && in.peek() == std::ifstream::traits_type::eof()) return "";
  return "fault cannot read the expected output from " + spec.reference;
}

std::string CompareOutput(const RunSpec& spec, const void* got, const void* want) {
  const RunArgument& output = spec.arguments.back();
  const int64_t count = ElementsOf(output);
  const PaddingMask mask(output);
  double scale = 0, worst = 0;
  int64_t at = -1;
  for (int64_t i = 0; i < count; ++i) {
    if (mask.IsPadding(i)) continue;
    const double wanted = ElementOf(want, output.dtype, i);
    scale = std::max(scale, std::fabs(wanted));
    const double error = std::fabs(ElementOf(got, output.dtype, i) - wanted);
    if (!(error <= worst)) {  // true for NaN too
      worst = error;
      at = i;
      if (std::isnan(error)) break;
    }
  }
  if (worst <= spec.tolerance * scale) return "";
  char text[200];
  std::snprintf(text, sizeof(text),
                "wrong_result element %lld is %.9g where %.9g is expected; allowed error %.3g",
                static_cast<long long>(at), ElementOf(got, output.dtype, at),
                ElementOf(want, output.dtype, at), spec.tolerance * scale);
  return text;
}

}  // namespace tilewright
