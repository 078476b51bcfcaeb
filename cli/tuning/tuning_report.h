// What tuning gained: the table at the end of `tune`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/tilewright.pb.h"
#include "records/lookup/model_lookup.h"

namespace tilewright {

// Seconds; 0 = unknown.
struct Gain {
  double untuned = 0, tuned = 0;
};

// What the last phase measured inside the network (tuner/loop/in_network.h).
struct InNetwork {
  std::map<std::string, Gain> layers;  // of all equal layers together, by workload key
  Gain whole;
  size_t rounds = 0;
};

// What one thread of the machine can do a second; 0 = unknown.
struct MachineLimits {
  double flops = 0, bytes = 0;
};

// Layers of one workload.
struct LayerReport {
  std::string workload;
  uint32_t layers = 1;
  uint64_t trials = 0, failures = 0;  // of all its templates
  Gain gain;                          // of all these layers together
  std::string schedule;               // the template that look-ups give
  double limit_seconds = 0;           // no direct kernel is faster; 0 = unknown
};

struct TuningReport {
  std::vector<LayerReport> layers;  // the largest part of the tuned time first
  Gain whole;                       // of the network, or the sum of what is known of the layers
  size_t rounds = 0;                // in which the whole network was run; 0 = it was not
  MachineLimits limits;
};

// LookUpModel (records/lookup/model_lookup.h), wherever the records are.
using LookUpFunction =
    std::function<absl::StatusOr<std::vector<FoundConfig>>(const ModelLookup& wanted)>;

// Of the job's tasks as look-ups would now decide for its device key. Where `in_network` says
// nothing about a layer, the times are those of kernels measured alone. The limit of a layer is the
// longer of its multiply-adds (of direct summation, which Winograd's algorithm undercuts) at the
// machine's rate and its weights at the rate at which those of all layers can be read.
struct ReportRequest {
  const v1::JobSpec& spec;
  const v1::JobEvent& last;  // of the job
  LookUpFunction look_up;
  bool exact = false;
  std::optional<InNetwork> in_network;
  MachineLimits limits;
};
absl::StatusOr<TuningReport> MakeTuningReport(const ReportRequest& request);

// Bytes of the weights of the job's layers.
int64_t WeightBytes(const v1::JobSpec& spec);

// The table and a closing line without the job.
std::string ToText(const TuningReport& report);
// {"layers": [...], "model": {...}}
nlohmann::ordered_json ToJson(const TuningReport& report);

}  // namespace tilewright
