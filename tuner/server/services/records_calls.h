// The calls of clients that are about records, apart from gRPC. They wait for the store.
#pragma once

#include "absl/status/status.h"
#include "proto/tilewright.pb.h"
#include "records/lookup/revoke.h"
#include "records/store/record_store.h"

namespace tilewright {

// Limits and errors as tilewright.proto says them.
absl::Status AnswerLookUp(const RecordStore& store, const v1::LookUpRecordsRequest& request,
                          v1::LookUpRecordsReply* reply);
absl::Status AnswerFind(const RecordStore& store, const v1::FindRecordsRequest& request,
                        v1::FindRecordsReply* reply);
absl::Status AnswerRevoke(RecordStore& store, const v1::RevokeRecordsRequest& request,
                          const RevokeNote& note, v1::RevokeRecordsReply* reply);
absl::Status AnswerRevocations(const RecordStore& store, const v1::ListRevocationsRequest& request,
                               v1::ListRevocationsReply* reply);

}  // namespace tilewright
