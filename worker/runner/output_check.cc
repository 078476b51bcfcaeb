#include "worker/runner/output_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "worker/runner/inputs.h"

namespace tilewright {
namespace {

// `error` is the largest |got - want| or the first that is NaN, of the element `at`; `scale` the
// largest |want|.
struct Difference {
  double scale = 0, error = 0;
  int64_t at = -1;
  double got = 0, want = 0;
};

// One loop for each type of element: a slot does nothing else meanwhile.
template <typename T>
Difference LargestDifference(const RunArgument& output, const T* got, const T* want) {
  const int64_t count = ElementsOf(output);
  const PaddingMask mask(output);
  const bool padded = mask.any();
  Difference most;
  for (int64_t i = 0; i < count; ++i) {
    if (padded && mask.IsPadding(i)) continue;
    const auto wanted = static_cast<double>(want[i]), found = static_cast<double>(got[i]);
    const double error = std::fabs(found - wanted);
    most.scale = std::max(most.scale, std::fabs(wanted));
    if (error <= most.error) continue;  // not of a NaN
    most = {most.scale, error, i, found, wanted};
    if (std::isnan(error)) break;
  }
  return most;
}

}  // namespace

std::string ReadReference(const RunSpec& spec, int64_t bytes, std::vector<char>* expected) {
  expected->resize(static_cast<size_t>(bytes));
  std::ifstream in(spec.reference, std::ios::binary);
  in.read(expected->data(), bytes);
  if (in.gcount() == bytes && in.peek() == std::ifstream::traits_type::eof()) return "";
  return "fault cannot read the expected output from " + spec.reference;
}

std::string CompareOutput(const RunSpec& spec, const void* got, const void* want) {
  const RunArgument& output = spec.arguments.back();
  const Difference most = Dispatch(output.dtype, [&]<typename T>() {
    return LargestDifference(output, static_cast<const T*>(got), static_cast<const T*>(want));
  });
  if (most.error <= spec.tolerance * most.scale) return "";
  char text[200];
  std::snprintf(text, sizeof(text),
                "wrong_result element %lld is %.9g where %.9g is expected; allowed error %.3g",
                static_cast<long long>(most.at), most.got, most.want, spec.tolerance * most.scale);
  return text;
}

}  // namespace tilewright
