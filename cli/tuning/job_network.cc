#include "cli/tuning/job_network.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/weightless.h"
#include "proto/network.h"

namespace tilewright {
namespace {

absl::StatusOr<v1::Network> NetworkOf(const ModelOptions& options) {
  TW_ASSIGN_OR_RETURN(const Target target, ParseTarget(options.target));
  if (target.kind != "cpu") {
    return absl::UnimplementedError("a farm runs whole networks on CPUs only");
  }
  v1::Network network;
  TW_ASSIGN_OR_RETURN(const ImportOptions import, ImportOptionsOf(options));
  TW_ASSIGN_OR_RETURN(*network.mutable_model(), WithoutWeights(options.model, import));
  for (const auto& [name, shape] : import.input_shapes) {
    v1::NetworkShape& input = *network.add_inputs();
    input.set_name(name);
    input.mutable_dims()->Add(shape.begin(), shape.end());
  }
  for (const auto& [name, size] : import.dims) {
    v1::NetworkDim& dim = *network.add_dims();
    dim.set_name(name);
    dim.set_size(size);
  }
  TW_ASSIGN_OR_RETURN(const std::vector<OperatorsFile> files, OperatorFilesOf(options));
  for (const OperatorsFile& file : files) {
    v1::NetworkOperators& operators = *network.add_operators();
    operators.set_file(std::filesystem::path(file.path).filename().string());
    operators.set_text(file.text);
  }
  for (const std::string& pass : options.disabled_passes) network.add_disabled_passes(pass);
  network.set_exact(options.exact);
  TW_RETURN_IF_ERROR(ReadNetwork(network.SerializeAsString()).status());
  return network;
}

}  // namespace

void AddNetwork(const ModelOptions& options, v1::JobSpec* spec) {
  const absl::StatusOr<v1::Network> network = NetworkOf(options);
  if (network.ok()) return spec->set_network(network->SerializeAsString());
  v1::Network left_out;
  left_out.set_left_out(LeftOutText(std::string(network.status().message())));
  spec->set_network(left_out.SerializeAsString());
}

}  // namespace tilewright
