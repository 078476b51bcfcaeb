// The clients' calls, translated to jobs and views. What uses the store runs as a chore, so that no
// thread that answers workers waits for it.
#pragma once

#include <atomic>
#include <functional>

#include "base/clock.h"
#include "log/log.h"
#include "proto/tilewright.grpc.pb.h"
#include "records/store/record_store.h"
#include "tuner/server/dispatch/dispatcher.h"
#include "tuner/server/jobs/jobs.h"
#include "tuner/server/services/access.h"
#include "tuner/server/services/chores.h"

namespace tilewright {

// All of it outlives the service's calls.
struct TuningServiceParts {
  Dispatcher& dispatcher;
  Jobs& jobs;
  RecordStore& store;
  Chores& chores;
  Access& access;
  Log& log;
  const Clock& clock;
};

class TuningServiceImpl final : public v1::TuningService::CallbackService {
 public:
  explicit TuningServiceImpl(const TuningServiceParts& parts) : parts_(parts) {}

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
  grpc::ServerUnaryReactor* PauseJob(grpc::CallbackServerContext* context,
                                     const v1::PauseJobRequest* request,
                                     v1::PauseJobReply* reply) override;
  grpc::ServerUnaryReactor* ResumeJob(grpc::CallbackServerContext* context,
                                      const v1::ResumeJobRequest* request,
                                      v1::ResumeJobReply* reply) override;
  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext* context,
                                        const v1::ListWorkersRequest* request,
                                        v1::ListWorkersReply* reply) override;
  grpc::ServerUnaryReactor* SetWorkerHealth(grpc::CallbackServerContext* context,
                                            const v1::SetWorkerHealthRequest* request,
                                            v1::SetWorkerHealthReply* reply) override;
  grpc::ServerWriteReactor<v1::BlobChunk>* FetchBlob(grpc::CallbackServerContext* context,
                                                     const v1::FetchBlobRequest* request) override;
  grpc::ServerUnaryReactor* LookUpRecords(grpc::CallbackServerContext* context,
                                          const v1::LookUpRecordsRequest* request,
                                          v1::LookUpRecordsReply* reply) override;
  grpc::ServerUnaryReactor* FindRecords(grpc::CallbackServerContext* context,
                                        const v1::FindRecordsRequest* request,
                                        v1::FindRecordsReply* reply) override;
  grpc::ServerUnaryReactor* RevokeRecords(grpc::CallbackServerContext* context,
                                          const v1::RevokeRecordsRequest* request,
                                          v1::RevokeRecordsReply* reply) override;
  grpc::ServerUnaryReactor* ListRevocations(grpc::CallbackServerContext* context,
                                            const v1::ListRevocationsRequest* request,
                                            v1::ListRevocationsReply* reply) override;

 private:
  // Answers with what `chore` returns.
  grpc::ServerUnaryReactor* AsChore(grpc::CallbackServerContext* context,
                                    std::function<absl::Status()> chore);
  // Whose jobs the caller sees; empty: everybody's.
  std::string OnlyOwner(const grpc::CallbackServerContext* context);
  absl::Status Submit(const v1::SubmitJobRequest& request, const Caller& caller,
                      v1::SubmitJobReply* reply);

  const TuningServiceParts parts_;
  std::atomic<int> blobs_{0};      // answers to FetchBlob under way
  std::atomic<int> retelling_{0};  // journals being read for WatchJob
};

}  // namespace tilewright
