#include "cli/model/observed_model.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/paths.h"
#include "compiler/core/tensor.h"
#include "compiler/driver/compile_model.h"
#include "compiler/onnx/import_model.h"
#include "compiler/onnx/quantize/model_source.h"
#include "compiler/targets/target_backend.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

absl::StatusOr<CompiledModel> CompileHere(onnx::ModelProto model, const ImportOptions& options) {
  TW_ASSIGN_OR_RETURN(Graph graph, ImportModel(std::move(model), options));
  TW_ASSIGN_OR_RETURN(const Target cpu, ParseTarget("cpu"));
  CompileModelOptions to;
  TW_ASSIGN_OR_RETURN(to.target, ResolveTarget(cpu));
  to.exact = true;
  return CompileModel(std::move(graph), to);
}

absl::StatusOr<ModelHandle> Load(const CompiledModel& compiled) {
  TW_ASSIGN_OR_RETURN(const auto folder, PrivateFolder::Make(TempFolder()));
  const std::string path = folder->path() + "/model.tar";
  std::ofstream out(path, std::ios::binary);
  WritePackage(compiled, [&out](std::string_view part) { out << part; });
  out.close();
  if (!out) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  tw_model* model = nullptr;
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  TW_RETURN_IF_ERROR(StatusOf(tw_load(path.c_str(), threads, &model)));
  return ModelHandle(model);
}

std::string Text(const std::string& dtype, const Shape& shape) {
  return absl::StrCat(dtype, "[", absl::StrJoin(shape, ","), "]");
}

// How many inputs of the shape stand in the array; 0: it has another type or shape.
int64_t BlocksIn(const NpzArray& array, const tw_tensor_info& input) {
  const Shape shape(input.shape, input.shape + input.rank);
  if (array.dtype != input.dtype || array.shape.size() != shape.size()) return 0;
  if (array.shape == shape) return 1;
  if (shape.empty() || shape[0] < 1 || array.shape[0] % shape[0] != 0) return 0;
  const bool same = std::equal(shape.begin() + 1, shape.end(), array.shape.begin() + 1);
  return same ? array.shape[0] / shape[0] : 0;
}

struct Blocks {
  tw_tensor_info input;
  const NpzArray* array;
  int64_t count;
};

absl::StatusOr<Blocks> FindBlocks(const tw_tensor_info& input,
                                  const std::vector<NpzArray>& arrays) {
  for (const NpzArray& array : arrays) {
    if (array.name != input.name) continue;
    if (const int64_t count = BlocksIn(array, input)) return Blocks{input, &array, count};
    const Shape shape(input.shape, input.shape + input.rank);
    return absl::InvalidArgumentError(
        absl::StrCat("input ", input.name, " is ", Text(input.dtype, shape),
                     ", the array given is ", Text(array.dtype, array.shape),
                     "; its first dimension may hold several, the others must agree"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "there is no array for the input ", input.name, "; the arrays given are ",
      absl::StrJoin(arrays, ", ",
                    [](std::string* out, const NpzArray& array) { out->append(array.name); })));
}

NpzArray Block(const Blocks& blocks, int64_t number) {
  const tw_tensor_info& input = blocks.input;
  const int64_t at = blocks.count == 1 ? 0 : number;
  return {input.name,
          input.dtype,
          {input.shape, input.shape + input.rank},
          blocks.array->data.substr(at * input.bytes, input.bytes)};
}

std::vector<float> Floats(const NpzArray& array) {
  Tensor tensor({*ParseDType(array.dtype), array.shape});
  std::memcpy(tensor.data(), array.data.data(), array.data.size());
  std::vector<float> values(tensor.size());
  for (int64_t i = 0; i < tensor.size(); ++i) values[i] = static_cast<float>(tensor.AsDouble(i));
  return values;
}

}  // namespace

absl::StatusOr<ObservedModel> ObservedModel::Make(const onnx::ModelProto& model,
                                                  const std::vector<std::string>& tensors,
                                                  const ImportOptions& options) {
  std::vector<std::string> names;
  TW_ASSIGN_OR_RETURN(const CompiledModel compiled,
                      CompileHere(WithObserved(model, tensors, &names), options));
  TW_ASSIGN_OR_RETURN(ModelHandle handle, Load(compiled));
  return ObservedModel(std::move(handle), names.size());
}

absl::StatusOr<std::vector<Sample>> ObservedModel::Split(
    const std::vector<NpzArray>& arrays) const {
  std::vector<Blocks> inputs;
  int64_t count = 1;
  for (size_t i = 0; i < tw_num_inputs(model_.get()); ++i) {
    tw_tensor_info info;
    TW_RETURN_IF_ERROR(StatusOf(tw_input_info(model_.get(), i, &info)));
    TW_ASSIGN_OR_RETURN(inputs.emplace_back(), FindBlocks(info, arrays));
    count = std::max(count, inputs.back().count);
  }
  for (const Blocks& blocks : inputs) {
    if (blocks.count == 1 || blocks.count == count) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the arrays hold different numbers of samples: ", blocks.array->name, " has ",
                     blocks.count, ", another has ", count));
  }
  std::vector<Sample> samples(count);
  for (int64_t s = 0; s < count; ++s) {
    for (const Blocks& blocks : inputs) samples[s].push_back(Block(blocks, s));
  }
  return samples;
}

absl::StatusOr<std::vector<std::vector<float>>> ObservedModel::Run(const Sample& sample) {
  TW_RETURN_IF_ERROR(SetInputs(model_.get(), sample));
  TW_RETURN_IF_ERROR(StatusOf(tw_run(model_.get())));
  TW_ASSIGN_OR_RETURN(const std::vector<NpzArray> outputs, GetOutputs(model_.get()));
  std::vector<std::vector<float>> values;
  for (size_t i = outputs.size() - observed_; i < outputs.size(); ++i) {
    values.push_back(Floats(outputs[i]));
  }
  return values;
}

}  // namespace tilewright
