#include "worker/pipeline/network_round.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "worker/process/child.h"
#include "worker/process/pipe_io.h"
#include "worker/process/run_result.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

constexpr double kMixBuildSeconds = 300;  // of one mix
// Of the process that runs them: the rounds that must be, of networks of some seconds.
constexpr double kMostRoundSeconds = 300;
constexpr int64_t kMostMemory = int64_t{16} << 30;  // of address space, packages included
constexpr size_t kMostToldBytes = 64 << 20;

// ---- build -------------------------------------------------------------------------------------

Json BuildRequest(const v1::NetworkRound& round, const v1::NetworkMix& mix,
                  const std::string& model) {
  const v1::Network& network = round.network();
  Json inputs = Json::object(), dims = Json::object(), configs = Json::object();
  Json operators = Json::array();
  for (const v1::NetworkOperators& file : network.operators()) {
    operators.push_back({file.file(), file.text()});
  }
  for (const v1::NetworkShape& input : network.inputs()) {
    inputs[input.name()] = std::vector<int64_t>(input.dims().begin(), input.dims().end());
  }
  for (const v1::NetworkDim& dim : network.dims()) dims[dim.name()] = dim.size();
  for (int i = 0; i < round.layers_size(); ++i) {
    const v1::NetworkLayer& layer = round.layers(i);
    const v1::NetworkOption& option = layer.options(static_cast<int>(mix.options(i)));
    configs[layer.workload()] = {option.template_name(), option.config()};
  }
  const std::vector<std::string> passes(network.disabled_passes().begin(),
                                        network.disabled_passes().end());
  return {{"model", model},
          {"inputs", std::move(inputs)},
          {"dims", std::move(dims)},
          {"passes", passes},
          {"exact", network.exact()},
          {"target", round.target()},
          {"configs", std::move(configs)},
          {"operators", std::move(operators)}};
}

absl::Status WriteModel(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (file) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path));
}

// Empty when one of the layers is in no call: without its weights the network is another one.
std::vector<int> LayersOfCalls(const v1::NetworkRound& round,
                               const std::vector<std::string>& calls) {
  std::map<std::string, int> place;
  for (int i = 0; i < round.layers_size(); ++i) place[round.layers(i).workload()] = i;
  std::vector<int> layers;
  std::vector<bool> seen(static_cast<size_t>(round.layers_size()));
  for (const std::string& workload : calls) {
    const auto at = place.find(workload);
    layers.push_back(at == place.end() ? -1 : at->second);
    if (at != place.end()) seen[static_cast<size_t>(at->second)] = true;
  }
  const bool all = std::find(seen.begin(), seen.end(), false) == seen.end();
  return all ? layers : std::vector<int>();
}

// ---- run ---------------------------------------------------------------------------------------

// No more than the machine has.
int64_t MemoryBytes() {
  const int64_t physical = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return physical > 0 ? std::min(physical, kMostMemory) : kMostMemory;
}

std::string TurnsText(const v1::NetworkRound& round, const NetworkPackages& packages,
                      const PackageRun& run, const std::string& token) {
  const auto threads = static_cast<int>(round.threads());
  std::vector<int> cores = run.cores;
  if (static_cast<int>(cores.size()) > threads) cores.resize(static_cast<size_t>(threads));
  std::string text = absl::StrCat(
      "token ", token, "\nthreads ", threads, "\nfolder ", packages.folder->path(), "\nmemory ",
      MemoryBytes(), "\ncpu ", kMostRoundSeconds, "\nsandbox ", run.require_sandbox ? 1 : 0,
      "\nrounds ", round.least_rounds(), " ", round.most_rounds(), " ", round.seconds(), "\n");
  if (!cores.empty()) absl::StrAppend(&text, "cores ", absl::StrJoin(cores, ","), "\n");
  for (const std::string& path : packages.paths) absl::StrAppend(&text, "package ", path, "\n");
  return text;
}

v1::NetworkTimes LeftOut(const std::string& why) {
  v1::NetworkTimes times;
  times.set_left_out(why);
  return times;
}

// A process that told no end: is it this machine's fault?
absl::StatusOr<v1::NetworkTimes> JudgeRunnersEnd(Child& child) {
  TW_ASSIGN_OR_RETURN(const int status, child.End(kOwnEndSeconds));
  if (SignalOf(status) == SIGKILL) {
    return absl::UnavailableError("the process that ran the network was killed from outside");
  }
  return LeftOut(absl::StrCat("the process that ran the network ended by ", DescribeExit(status)));
}

// "I WHOLE CALL ..." of one run.
absl::Status AddRun(absl::string_view text, const NetworkPackages& packages, int layers,
                    v1::NetworkTimes* times) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  int package = -1;
  const bool known = !words.empty() && absl::SimpleAtoi(words[0], &package) && package >= 0 &&
                     package < times->mixes_size();
  if (!known) return absl::InternalError("the runner told a run of no package");
  const std::vector<int>& of_call = packages.layer_of_call[static_cast<size_t>(package)];
  if (words.size() != of_call.size() + 2) return absl::InternalError("calls are missing");
  v1::NetworkSeconds& run = *times->mutable_mixes(package)->add_rounds();
  run.mutable_layers()->Resize(layers, 0);
  for (size_t i = 1; i < words.size(); ++i) {
    double seconds = 0;
    if (!absl::SimpleAtod(words[i], &seconds) || !(seconds >= 0) || !std::isfinite(seconds)) {
      return absl::InternalError(absl::StrCat("the runner wrote \"", words[i], "\""));
    }
    if (i == 1) run.set_whole(seconds);
    const int layer = i == 1 ? -1 : of_call[i - 2];
    if (layer >= 0) run.set_layers(layer, run.layers(layer) + seconds);
  }
  return absl::OkStatus();
}

// nullopt: the end is missing.
absl::StatusOr<std::optional<v1::NetworkTimes>> ParseTold(const std::string& told,
                                                          const std::string& token,
                                                          const v1::NetworkRound& round,
                                                          const NetworkPackages& packages) {
  v1::NetworkTimes times;
  for (size_t i = 0; i < packages.paths.size(); ++i) times.add_mixes();
  for (absl::string_view line : absl::StrSplit(told, '\n')) {
    // What does not begin with the token was written by a kernel.
    if (!absl::ConsumePrefix(&line, token) || !absl::ConsumePrefix(&line, " ")) continue;
    if (line == "end") return std::optional<v1::NetworkTimes>(std::move(times));
    if (absl::ConsumePrefix(&line, "error ")) {
      return std::optional<v1::NetworkTimes>(LeftOut(std::string(line)));
    }
    if (absl::ConsumePrefix(&line, "fault ")) return absl::UnavailableError(line);
    if (!absl::ConsumePrefix(&line, "run ")) continue;
    TW_RETURN_IF_ERROR(AddRun(line, packages, round.layers_size(), &times));
  }
  return std::optional<v1::NetworkTimes>();
}

}  // namespace

absl::StatusOr<NetworkPackages> BuildPackages(const v1::NetworkRound& round, BuilderOptions options,
                                              const std::function<bool()>& wanted) {
  NetworkPackages packages;
  TW_ASSIGN_OR_RETURN(packages.folder, PrivateFolder::Make(options.folder));
  options.folder = packages.folder->path();
  const std::string model = options.folder + "/model";
  TW_RETURN_IF_ERROR(WriteModel(model, round.network().model()));
  Builder builder(std::move(options));
  for (const v1::NetworkMix& mix : round.mixes()) {
    if (!wanted()) return absl::CancelledError("the network is not wanted any more");
    packages.paths.push_back(
        absl::StrCat(packages.folder->path(), "/", packages.paths.size(), ".tar"));
    Json request = BuildRequest(round, mix, model);
    request["output"] = packages.paths.back();
    TW_ASSIGN_OR_RETURN(const NetworkBuild built,
                        builder.BuildNetwork(request.dump(), kMixBuildSeconds));
    if (const auto* failure = std::get_if<Failure>(&built)) {
      packages.left_out = absl::StrCat("the network does not compile: ", failure->message);
      return packages;
    }
    packages.layer_of_call.push_back(
        LayersOfCalls(round, std::get<std::vector<std::string>>(built)));
    if (round.layers_size() > 0 && packages.layer_of_call.back().empty()) {
      packages.left_out = "without its weights the network has not the layers of the job";
      return packages;
    }
  }
  return packages;
}

absl::StatusOr<v1::NetworkTimes> RunPackages(const v1::NetworkRound& round,
                                             const NetworkPackages& packages,
                                             const PackageRun& run) {
  TW_ASSIGN_OR_RETURN(Child child,
                      Child::Start({run.program, "--in-turn"}, ChildOutput::kDiscarded));
  const std::string token = NewToken();
  // A runner that cannot be told shows by its end.
  WriteAll(child.input(), TurnsText(round, packages, run, token)).IgnoreError();
  child.CloseInput();
  const absl::StatusOr<std::string> told =
      ReadToEnd(child.output(), kMostToldBytes, DeadlineAfter(kMostRoundSeconds), run.interrupt);
  if (absl::IsDeadlineExceeded(told.status())) {
    TW_RETURN_IF_ERROR(child.End(0).status());
    return LeftOut(absl::StrCat("running it in turn takes more than ", kMostRoundSeconds, " s"));
  }
  TW_RETURN_IF_ERROR(told.status());
  TW_ASSIGN_OR_RETURN(std::optional<v1::NetworkTimes> times,
                      ParseTold(*told, token, round, packages));
  if (times) return *std::move(times);
  return JudgeRunnersEnd(child);
}

}  // namespace tilewright
