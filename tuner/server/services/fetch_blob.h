// Streams large read-only things to clients.
#pragma once

#include <atomic>

#include "proto/tilewright.grpc.pb.h"
#include "records/store/record_store.h"

namespace tilewright {

// Starts the answer to a FetchBlob call; gRPC ends it. `store` and `running`, the number of answers
// under way, outlive the call. Does not block: the blob is made on a thread of its own, piece by
// piece, no faster than the client takes them.
grpc::ServerWriteReactor<v1::BlobChunk>* AnswerFetchBlob(grpc::CallbackServerContext* context,
                                                         const RecordStore& store,
                                                         const v1::FetchBlobRequest& request,
                                                         std::atomic<int>& running);

}  // namespace tilewright
