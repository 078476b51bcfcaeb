// The last phase of tuning here: networks in a process of their own on this machine's device.
#pragma once

#include <optional>
#include <string>

#include "cli/tuning/last_phase.h"
#include "cli/tuning/tuning_report.h"
#include "tuner/loop/in_network.h"

namespace tilewright {

// What the machine can do, and what the network decides, as far as it can be had.
struct MeasuredNetworks {
  MachineLimits limits;
  std::optional<InNetwork> in_network;
};
struct InNetworkQuestion {
  LastPhase phase;
  std::string device;  // as TuneDevice's option
  bool decide;         // or only ask for the machine's limits
};
// What cannot be had is said on stderr, as Ctrl-C is that ends the phase: kernels stay as measured.
MeasuredNetworks TimeNetworks(InNetworkQuestion question);

// Says on stderr why the network decided nothing.
void SayUndecided(const std::string& why);

}  // namespace tilewright
