// Between the server's own types and messages of the protocol.
#pragma once

#include <grpcpp/grpcpp.h>

#include "proto/convert.h"
#include "proto/tilewright.pb.h"
#include "tuner/server/dispatch/trial.h"

namespace tilewright {

inline v1::WorkerHealth ToMessage(WorkerHealth health) {
  switch (health) {
    case WorkerHealth::kGood: return v1::GOOD;
    case WorkerHealth::kUnknown: return v1::UNKNOWN;
    case WorkerHealth::kBad: return v1::BAD;
    case WorkerHealth::kMaintenance: return v1::MAINTENANCE;
    case WorkerHealth::kRetired: return v1::RETIRED;
  }
  return v1::WORKER_HEALTH_UNSPECIFIED;
}

inline v1::WorkerRole ToMessage(WorkerRole role) {
  switch (role) {
    case WorkerRole::kBoth: return v1::WORKER_ROLE_BOTH;
    case WorkerRole::kBuild: return v1::WORKER_ROLE_BUILD;
    case WorkerRole::kRun: return v1::WORKER_ROLE_RUN;
  }
  return v1::WORKER_ROLE_BOTH;
}

inline v1::ReportReply::Result ToMessage(ReportResult result) {
  switch (result) {
    case ReportResult::kRecorded: return v1::ReportReply::RECORDED;
    case ReportResult::kDuplicate: return v1::ReportReply::DUPLICATE;
    case ReportResult::kLateRecorded: return v1::ReportReply::LATE_RECORDED;
    case ReportResult::kConflict: return v1::ReportReply::CONFLICT;
    case ReportResult::kDiscarded: return v1::ReportReply::DISCARDED;
    case ReportResult::kRequeued: return v1::ReportReply::REQUEUED;
    case ReportResult::kWaitsForRun: return v1::ReportReply::WAITS_FOR_RUN;
  }
  return v1::ReportReply::RESULT_UNSPECIFIED;
}

// Ends a unary call, whose reply is filled, with `status`. Returns what the call's handler returns.
inline grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                        const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

// Of what Chores did not take.
inline absl::Status TooBusy() {
  return absl::ResourceExhaustedError("the server has too many calls waiting; try again later");
}

}  // namespace tilewright
