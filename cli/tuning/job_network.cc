#include "cli/tuning/job_network.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "compiler/onnx/weightless.h"
#include "proto/network.h"

namespace tilewright {
namespace {

absl::Status CheckIsText(const std::string& what, const std::string& text) {
  if (IsUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " \"", absl::CHexEscape(text.substr(0, 80)),
                                                 "\" is not UTF-8: write it as UTF-8"));
}

// Messages hold UTF-8 alone; protobuf itself would print and go on.
absl::Status CheckTexts(const v1::Network& network) {
  for (const v1::NetworkShape& input : network.inputs()) {
    TW_RETURN_IF_ERROR(CheckIsText("the input's name", input.name()));
  }
  for (const v1::NetworkDim& dim : network.dims()) {
    TW_RETURN_IF_ERROR(CheckIsText("the dimension's name", dim.name()));
  }
  for (const v1::NetworkOperators& operators : network.operators()) {
    TW_RETURN_IF_ERROR(CheckIsText("the name of the file", operators.file()));
    TW_RETURN_IF_ERROR(CheckIsText("the text of --operators", operators.text()));
  }
  return absl::OkStatus();
}

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
  TW_RETURN_IF_ERROR(CheckTexts(network));
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
