// The last phase of a farm's job: what was found is tried inside the whole network, on a worker of
// the job's key, and what wins there is recorded (tuner/loop/in_network.h,
// records/lookup/decision.h).
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "base/activities.h"
#include "base/clock.h"
#include "proto/network.pb.h"
#include "proto/tilewright.pb.h"
#include "records/store/record_store.h"
#include "tuner/server/dispatch/dispatcher.h"
#include "tuner/server/jobs/recorder.h"

namespace tilewright {

// What it refers to outlives the phase.
struct NetworkPhase {
  const v1::JobSpec& spec;
  std::string job, owner;
  uint32_t weight = 1;
  Dispatcher& dispatcher;
  Recorder& recorder;
  const RecordStore& store;
  Activities& activities;  // of which the caller is one
  const Clock& clock;      // of the job
  double deadline = 0;     // on the clock; 0 = none
  std::stop_token stop;
  std::function<void()> begins;  // called before a worker is asked, if one is; may be null
};

// Blocks until it is decided and the decisions are stored, all or none, the defaults among them; or
// until it is clear why not, which the result then says: the client sent no model, no layer has a
// choice, no worker takes networks, this network does not compile, the time or the disk's room is
// over. Cancelled: `stop`; nothing is stored.
absl::StatusOr<v1::NetworkResult> RunNetworkPhase(const NetworkPhase& phase);

}  // namespace tilewright
