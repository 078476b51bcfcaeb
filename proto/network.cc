#include "proto/network.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace tilewright {
namespace {

constexpr int kMaxInputs = 256, kMaxRank = 8, kMaxPasses = 64, kMaxLayers = 1000, kMaxOptions = 16;
constexpr size_t kMaxNameBytes = 1 << 10, kMaxConfigBytes = 4 << 10, kMaxWorkloadBytes = 4 << 10;
constexpr double kMaxRunSeconds = 600, kMinRunSeconds = 1e-9;
constexpr uint32_t kMaxThreads = 1024;
constexpr size_t kMaxLeftOut = 1000;
constexpr int kMaxOperatorFiles = 16;
constexpr size_t kMaxOperatorBytes = 1 << 20;

template <typename Message>
absl::StatusOr<Message> Decode(const std::string& bytes, absl::string_view what) {
  if (bytes.size() > kMaxNetworkBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " of ", bytes.size(), " bytes, at most ", kMaxNetworkBytes));
  }
  Message message;
  if (message.ParseFromString(bytes)) return message;
  return absl::InvalidArgumentError(absl::StrCat(what, " that does not decode"));
}

absl::Status Check(bool good, absl::string_view what) {
  return good ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrCat("a network ", what));
}

bool IsName(const std::string& name) { return !name.empty() && name.size() <= kMaxNameBytes; }

absl::Status CheckOperators(const v1::Network& network) {
  TW_RETURN_IF_ERROR(
      Check(network.operators_size() <= kMaxOperatorFiles, "with more than 16 files of operators"));
  size_t bytes = 0;
  for (const v1::NetworkOperators& file : network.operators()) {
    TW_RETURN_IF_ERROR(Check(IsName(file.file()), "with operators of no file"));
    bytes += file.text().size();
  }
  return Check(bytes <= kMaxOperatorBytes, "with more than 1 MiB of operators");
}

absl::Status CheckNetwork(const v1::Network& network) {
  TW_RETURN_IF_ERROR(Check(network.model().size() <= kMaxNetworkModelBytes,
                           absl::StrCat("of ", network.model().size(), " bytes without weights, ",
                                        "at most ", kMaxNetworkModelBytes)));
  const std::string& reason = network.left_out();
  TW_RETURN_IF_ERROR(
      Check(reason == LeftOutText(reason), "with a reason that is no line of at most 1000 bytes"));
  TW_RETURN_IF_ERROR(
      Check(!network.model().empty() || !reason.empty(), "with neither a model nor a reason"));
  TW_RETURN_IF_ERROR(Check(network.inputs_size() <= kMaxInputs && network.dims_size() <= kMaxInputs,
                           "with more than 256 shapes or dimensions"));
  for (const v1::NetworkShape& input : network.inputs()) {
    const bool good = IsName(input.name()) && input.dims_size() <= kMaxRank;
    TW_RETURN_IF_ERROR(Check(good, "with an input of no name or above rank 8"));
  }
  for (const v1::NetworkDim& dim : network.dims()) {
    TW_RETURN_IF_ERROR(Check(IsName(dim.name()), "with a dimension of no name"));
  }
  TW_RETURN_IF_ERROR(
      Check(network.disabled_passes_size() <= kMaxPasses, "with more than 64 passes left out"));
  const bool names =
      std::all_of(network.disabled_passes().begin(), network.disabled_passes().end(), IsName);
  TW_RETURN_IF_ERROR(Check(names, "with a pass of no name"));
  return CheckOperators(network);
}

absl::Status CheckLayer(const v1::NetworkLayer& layer) {
  const bool some = layer.options_size() >= 1 && layer.options_size() <= kMaxOptions;
  TW_RETURN_IF_ERROR(Check(some && layer.workload().size() <= kMaxWorkloadBytes,
                           "with a layer of too many options, of none, or of too long a key"));
  for (const v1::NetworkOption& option : layer.options()) {
    const bool good = IsName(option.template_name()) && option.config().size() <= kMaxConfigBytes;
    TW_RETURN_IF_ERROR(Check(good, "with a template of no name or a config above 4 KiB"));
  }
  return absl::OkStatus();
}

absl::Status CheckMix(const v1::NetworkMix& mix, const v1::NetworkRound& round) {
  TW_RETURN_IF_ERROR(
      Check(mix.options_size() == round.layers_size(), "with a mix of other layers"));
  for (int i = 0; i < mix.options_size(); ++i) {
    const bool good = mix.options(i) < static_cast<uint32_t>(round.layers(i).options_size());
    TW_RETURN_IF_ERROR(Check(good, "with a mix of an option that a layer has not"));
  }
  return absl::OkStatus();
}

absl::Status CheckRun(const v1::NetworkSeconds& run, const v1::NetworkRound& round) {
  TW_RETURN_IF_ERROR(Check(run.layers_size() == round.layers_size(), "timed with other layers"));
  const auto in_bounds = [](double seconds) { return seconds >= 0 && seconds <= kMaxRunSeconds; };
  const bool good = in_bounds(run.whole()) && run.whole() >= kMinRunSeconds &&
                    std::all_of(run.layers().begin(), run.layers().end(), in_bounds);
  return Check(good,
               absl::StrCat("that ran in ", run.whole(), " s, or a layer in no possible time"));
}

}  // namespace

std::string LeftOutText(const std::string& why) {
  std::string line;
  for (std::string_view rest = why; !rest.empty() && line.size() < kMaxLeftOut;) {
    const size_t length = Utf8Length(rest);
    const auto first = static_cast<unsigned char>(rest.front());
    const bool controls = length == 0 || first < 0x20 || first == 0x7f;
    line += controls ? " " : std::string(rest.substr(0, length));
    rest.remove_prefix(std::max<size_t>(1, length));
  }
  return std::string(Utf8Prefix(line, kMaxLeftOut));
}

absl::StatusOr<v1::Network> ReadNetwork(const std::string& bytes) {
  TW_ASSIGN_OR_RETURN(v1::Network network, Decode<v1::Network>(bytes, "a network"));
  TW_RETURN_IF_ERROR(CheckNetwork(network));
  return network;
}

absl::StatusOr<v1::NetworkRound> ReadNetworkRound(const std::string& bytes) {
  TW_ASSIGN_OR_RETURN(v1::NetworkRound round, Decode<v1::NetworkRound>(bytes, "a network's round"));
  TW_RETURN_IF_ERROR(CheckNetwork(round.network()));
  TW_RETURN_IF_ERROR(Check(round.layers_size() <= kMaxLayers, "of more than 1000 kinds of layers"));
  for (const v1::NetworkLayer& layer : round.layers()) TW_RETURN_IF_ERROR(CheckLayer(layer));
  const bool some = round.mixes_size() >= 1 && round.mixes_size() <= kMaxNetworkMixes;
  TW_RETURN_IF_ERROR(
      Check(some, absl::StrCat("in ", round.mixes_size(), " mixes, at most ", kMaxNetworkMixes)));
  for (const v1::NetworkMix& mix : round.mixes()) TW_RETURN_IF_ERROR(CheckMix(mix, round));
  const bool rounds = round.least_rounds() >= 1 && round.most_rounds() >= round.least_rounds() &&
                      round.most_rounds() <= kMaxNetworkRounds;
  TW_RETURN_IF_ERROR(Check(rounds, "to be run in no possible number of rounds"));
  const bool time = round.seconds() >= 0 && round.seconds() <= kMaxRunSeconds;
  TW_RETURN_IF_ERROR(Check(time, "to be run for no possible time"));
  TW_RETURN_IF_ERROR(Check(round.threads() >= 1 && round.threads() <= kMaxThreads,
                           "to be run with no possible number of threads"));
  return round;
}

absl::StatusOr<v1::NetworkTimes> ReadNetworkTimes(const std::string& bytes,
                                                  const v1::NetworkRound& round) {
  TW_ASSIGN_OR_RETURN(v1::NetworkTimes times, Decode<v1::NetworkTimes>(bytes, "times"));
  if (!times.left_out().empty()) {
    v1::NetworkTimes reason;
    reason.set_left_out(LeftOutText(times.left_out()));
    return reason;
  }
  TW_RETURN_IF_ERROR(Check(times.mixes_size() == round.mixes_size(), "timed in other mixes"));
  const int rounds = times.mixes(0).rounds_size();
  const bool asked = rounds >= static_cast<int>(round.least_rounds()) &&
                     rounds <= static_cast<int>(round.most_rounds());
  TW_RETURN_IF_ERROR(Check(asked, absl::StrCat("timed in ", rounds, " rounds")));
  for (const v1::NetworkRuns& runs : times.mixes()) {
    TW_RETURN_IF_ERROR(Check(runs.rounds_size() == rounds, "timed in rounds of not all mixes"));
    for (const v1::NetworkSeconds& run : runs.rounds()) TW_RETURN_IF_ERROR(CheckRun(run, round));
  }
  return times;
}

v1::NetworkResult ReadNetworkResult(const std::string& bytes) {
  v1::NetworkResult result;
  if (bytes.size() > kMaxNetworkBytes || !result.ParseFromString(bytes)) result.Clear();
  return result;
}

}  // namespace tilewright
