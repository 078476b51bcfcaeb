// What each layer of a network may use when the last phase of tuning tries it there, and how what
// was decided is kept. Used wherever the network is timed: here, or on a farm's worker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/store/record_store.h"

namespace tilewright {

struct LayerOption {
  std::string template_name;
  Config config;
  friend bool operator==(const LayerOption&, const LayerOption&) = default;
};

// A kind of layer: the default first, then what look-ups give now, then the best others.
struct LayerChoice {
  Workload workload;
  uint32_t count = 1;  // layers of the kind
  std::vector<LayerOption> options;
  double build_seconds = 0;  // of one of them, when it was measured alone
};

struct TunedLayer {
  Workload workload;
  uint32_t count = 1;
};
struct ChoiceQuestion {
  std::vector<TunedLayer> layers;  // each workload once
  Target target;
  std::string device_key;  // whose measurements count; look-ups take others' where it has none
  int threads = 1;
  bool exact = false;
};

// Of the layers that have a choice, in the order of their keys. Configs are spelt as today's spaces
// do, so that equal ones are equal.
absl::StatusOr<std::vector<LayerChoice>> NetworkChoices(const RecordStore& store,
                                                        const ChoiceQuestion& question);

// Where and when a network was timed.
struct TimedNetwork {
  Target target;
  std::string device_key, device, worker, job;
  int threads = 1;
  double unix_time = 0;
  std::string software;  // "tilewright 0.1.0"
};

// The record (records/lookup/decision.h) that the layer uses this option, with its time by one
// layer in each round. REQUIRES: a choice of NetworkChoices for this target, option <
// choice.options.size(), samples above 0.
Record DecisionRecord(const LayerChoice& choice, size_t option, Timing timing,
                      const TimedNetwork& where);

}  // namespace tilewright
