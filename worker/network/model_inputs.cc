#include "worker/network/model_inputs.h"

#include <cstring>
#include <string>

#include "worker/runner/inputs.h"

namespace tilewright {
namespace {

void FillOne(const runtime::Model::End& input, uint64_t seed) {
  const std::string& dtype = input.tensor->dtype;
  std::memset(input.data, 0, input.bytes);
  if (dtype == "float32") {
    FillUniform(reinterpret_cast<float*>(input.data),
                static_cast<int64_t>(input.bytes / sizeof(float)), seed);
    return;
  }
  const bool narrow = dtype == "bool" || dtype == "int8" || dtype == "uint8";
  const size_t step = dtype == "int64" ? 8 : dtype == "int32" ? 4 : narrow ? 1 : 0;
  if (step == 0) return;  // zeros
  for (size_t i = 0; i < input.bytes; i += 2 * step) input.data[i] = 1;
}

}  // namespace

void FillModelInputs(const runtime::Model& model) {
  uint64_t seed = 0;
  for (const runtime::Model::End& input : model.inputs()) FillOne(input, seed++);
}

}  // namespace tilewright
