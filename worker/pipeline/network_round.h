// Times a whole network for a farm: compiles it with each mix of configs and runs the packages in
// turn. The model came from a stranger: it is read, and made into code, only in a builder of its
// own, which may write to a folder of its own; the code runs in a process confined as kernels are.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/network.pb.h"
#include "worker/pipeline/private_folder.h"
#include "worker/process/builder.h"
#include "worker/process/interrupt.h"

namespace tilewright {

// What became of the mixes. Where `left_out` is not empty it says why this network cannot be
// timed, and the rest is of no use.
struct NetworkPackages {
  std::unique_ptr<PrivateFolder> folder;  // the packages are in it, and go with it
  std::vector<std::string> paths;
  std::vector<std::vector<int>> layer_of_call;  // of each package; -1: none of the round's
  std::string left_out;
};

// `options.folder` is where the private folder is made; `wanted` is asked before each mix. Errors
// are this machine's, as Builder's; Cancelled also when it is not wanted any more.
// REQUIRES: the round was read by ReadNetworkRound.
absl::StatusOr<NetworkPackages> BuildPackages(const v1::NetworkRound& round, BuilderOptions options,
                                              const std::function<bool()>& wanted);

struct PackageRun {
  std::string program;     // tilewright-network-runner
  std::vector<int> cores;  // of which the first round.threads() are used; empty: any
  bool require_sandbox = false;
  const Interrupt* interrupt = nullptr;  // may be null; outlives the call
};

// Runs the packages in turn. What the network does (it crashes, takes too long, needs more memory
// than there is) is a reason to leave it out; errors are this machine's: Unavailable, Cancelled by
// the interrupt. REQUIRES: packages.left_out.empty().
absl::StatusOr<v1::NetworkTimes> RunPackages(const v1::NetworkRound& round,
                                             const NetworkPackages& packages,
                                             const PackageRun& run);

}  // namespace tilewright
