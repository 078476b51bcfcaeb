// What workers and clients that a test plays say to a server.
#pragma once

#include <string>

#include "proto/tilewright.grpc.pb.h"

namespace tilewright {

inline constexpr char kPlayedTarget[] = "cpu -mcpu=skylake-avx512";
inline constexpr char kPlayedWorkload[] = "dense(float32[1,64],float32[64,64];,NK16n,)+bias";

// A worker with one slot that holds at most `capacity` trials.
inline v1::OpenSessionRequest PlayedWorker(const std::string& name, const std::string& key,
                                           uint32_t capacity) {
  v1::OpenSessionRequest request;
  request.set_protocol_min(1);
  request.set_protocol_max(1);
  request.set_worker(name);
  request.set_capacity(capacity);
  request.mutable_device()->set_key(key);
  request.mutable_device()->set_name("fake cpu");
  request.mutable_device()->set_target(kPlayedTarget);
  request.mutable_device()->set_slots(1);
  return request;
}

// A job named "test" of one task, searched at random.
inline v1::JobSpec PlayedJob(const std::string& key, uint64_t trials) {
  v1::JobSpec spec;
  spec.set_name("test");
  spec.set_key(key);
  spec.set_tuner("random");
  spec.set_trials(trials);
  v1::JobTask& task = *spec.add_tasks();
  task.mutable_task()->set_workload(kPlayedWorkload);
  task.mutable_task()->set_template_name("dense_pack.cpu");
  task.mutable_task()->set_target(kPlayedTarget);
  task.set_count(3);
  return spec;
}

}  // namespace tilewright
