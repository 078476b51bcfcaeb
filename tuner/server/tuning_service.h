// The clients' calls, translated to jobs and views.
#pragma once

#include <atomic>

#include "proto/tilewright.grpc.pb.h"
#include "records/record_store.h"
#include "tuner/server/dispatcher.h"
#include "tuner/server/jobs.h"

namespace tilewright {

class TuningServiceImpl final : public v1::TuningService::CallbackService {
 public:
  // All outlive the service's calls.
  TuningServiceImpl(Dispatcher& dispatcher, Jobs& jobs, const RecordStore& store)
      : dispatcher_(dispatcher), jobs_(jobs), store_(store) {}

  grpc::ServerUnaryReactor* SubmitJob(grpc::CallbackServerContext* context,
                                      const v1::SubmitJobRequest* request,
                                      v1::SubmitJobReply* reply) override;
  grpc::ServerWriteReactor<v1::JobEvent>* WatchJob(grpc::CallbackServerContext* context,
                                                   const v1::WatchJobRequest* request) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const v1::ListJobsRequest* request,
                                     v1::ListJobsReply* reply) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const v1::CancelJobRequest* request,
                                      v1::CancelJobReply* reply) override;
  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext* context,
                                        const v1::ListWorkersRequest* request,
                                        v1::ListWorkersReply* reply) override;
  grpc::ServerWriteReactor<v1::BlobChunk>* FetchBlob(grpc::CallbackServerContext* context,
                                                     const v1::FetchBlobRequest* request) override;

 private:
  Dispatcher& dispatcher_;
  Jobs& jobs_;
  const RecordStore& store_;
  std::atomic<int> blobs_{0};  // answers to FetchBlob under way
};

}  // namespace tilewright
