// AutoTVM's own templates whose names ours bear: what their argument lists say as workloads, and
// back (apache/tvm v0.18: topi/cuda, topi/gpu and the tutorial's tune_conv2d_cuda.py).
//
// AutoTVM's workloads have no epilogue: what a model fuses is fused after the look-up. A batched
// product's second matrix is [B,N,K] there unless transpose_b is false; ours is [B,K,N], so that
// only the latter are workloads of ours.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/workload.h"

namespace tilewright {

struct AutoTvmWorkload {
  std::optional<Workload> workload;
  std::string why_not;  // "" with a workload
};
AutoTvmWorkload WorkloadOfAutoTvm(std::string_view template_name, const nlohmann::json& args);

// AutoTVM's arguments for the workload without its epilogue. NotFound when AutoTVM has no template
// of that name, InvalidArgument when its template cannot say the workload.
absl::StatusOr<nlohmann::json> AutoTvmArgs(std::string_view template_name,
                                           const Workload& workload);

// The task of a row of format 0.1 (TVM 0.4 to 0.6) in the spelling of 0.2: "topi_nn_conv2d" with
// the template key "direct" on a GPU is "conv2d_nchw.cuda", its padding has four numbers and its
// layout is not said any more. The name is returned, `args` is changed in place. Tasks that are not
// known keep their arguments, the key joined to the name.
std::string UpgradeTask(std::string_view target, const std::string& name, const std::string& key,
                        nlohmann::json* args);
// Renamed within format 0.2: "dense_large_batch.cuda" is "dense_large_batch.gpu".
std::string TodaysName(const std::string& name);
// The conv2d_nchw.cuda of 2018 listed tile_rx before tile_ry and meant by each the other's axis, as
// the indices of its rows prove: the two are named anew, in their places.
void UpgradeConfig(std::string_view template_name, Config* config);

}  // namespace tilewright
