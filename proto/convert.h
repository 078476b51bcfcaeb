// Between protocol messages and value types. Everything that arrives is checked and bounded:
// InvalidArgument says what was found. Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/outcome.h"
#include "compiler/core/task.h"
#include "grpcpp/support/status.h"
#include "proto/measure_options.h"
#include "proto/tilewright.pb.h"

namespace tilewright {

inline constexpr uint32_t kProtocolVersion = 1;

v1::Task ToMessage(const Task& task);
absl::StatusOr<Task> FromMessage(const v1::Task& message);

// Texts of failures are cut at 16 KiB.
v1::Outcome ToMessage(const Outcome& outcome);
// At most 4096 samples of a nanosecond to ten minutes each.
absl::StatusOr<Outcome> FromMessage(const v1::Outcome& message);

// InvalidArgument for limits, samples or times outside what a worker accepts.
v1::MeasureOptions ToMessage(const MeasureOptions& options);
absl::StatusOr<MeasureOptions> FromMessage(const v1::MeasureOptions& message);

// The two libraries share the codes' numbers. Long messages are cut at 2000 bytes.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace tilewright
