#include "worker/builder/network.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/driver/compile_model.h"
#include "compiler/onnx/weightless.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

// Of the made-up weights: those of the largest network for one machine's CPU, and a stop for what
// would fill its disk.
constexpr int64_t kMostWeightBytes = int64_t{1} << 30;

absl::StatusOr<std::map<std::string, BestConfig>> ConfigsOf(const Json& request) {
  std::map<std::string, BestConfig> configs;
  for (const auto& [workload, choice] : request.at("configs").items()) {
    TW_ASSIGN_OR_RETURN(Config config, ParseEntitiesJson(choice.at(1).get<std::string>()));
    configs[workload] = {choice.at(0).get<std::string>(), std::move(config)};
  }
  return configs;
}

absl::StatusOr<Graph> ImportNetwork(const Json& request) {
  ImportOptions options;
  options.input_shapes = request.at("inputs").get<std::map<std::string, Shape>>();
  options.dims = request.at("dims").get<std::map<std::string, int64_t>>();
  for (const Json& from : request.at("operators")) {
    TW_ASSIGN_OR_RETURN(
        std::vector<PluginOperator> defined,
        ParsePluginOperators(from.at(1).get<std::string>(), from.at(0).get<std::string>()));
    std::move(defined.begin(), defined.end(), std::back_inserter(options.operators));
  }
  std::ifstream file(request.at("model").get<std::string>(), std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  return ImportWithoutWeights(bytes, std::move(options), kMostWeightBytes);
}

absl::StatusOr<CompiledModel> CompileNetwork(const Json& request) {
  TW_ASSIGN_OR_RETURN(Graph graph, ImportNetwork(request));
  CompileModelOptions how{.exact = request.at("exact").get<bool>()};
  TW_ASSIGN_OR_RETURN(how.target, ParseTarget(request.at("target").get<std::string>()));
  for (const Json& pass : request.at("passes")) how.passes.disabled.insert(pass);
  TW_ASSIGN_OR_RETURN(const auto configs, ConfigsOf(request));
  how.lookup = [&configs](const Workload& workload,
                          const Target&) -> absl::StatusOr<std::optional<BestConfig>> {
    const auto at = configs.find(workload.Key());
    return at == configs.end() ? std::nullopt : std::optional<BestConfig>(at->second);
  };
  return CompileModel(std::move(graph), how);
}

}  // namespace

absl::StatusOr<Json> BuildNetwork(const Json& request) {
  TW_ASSIGN_OR_RETURN(const CompiledModel compiled, CompileNetwork(request));
  const std::string path = request.at("output").get<std::string>();
  std::ofstream file(path, std::ios::binary);
  WritePackage(compiled, [&](std::string_view part) { file << part; });
  file.close();
  if (!file) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  return Json{{"ok", true}, {"calls", compiled.call_workloads}};
}

}  // namespace tilewright
