// The workers' calls, translated to the dispatcher's. Never blocks a gRPC thread.
#pragma once

#include <memory>
#include <string>

#include "proto/tilewright.grpc.pb.h"
#include "tuner/server/dispatch/dispatcher.h"
#include "tuner/server/jobs/farm.h"
#include "tuner/server/services/access.h"
#include "tuner/server/services/chores.h"

namespace tilewright {

class WorkerServiceImpl final : public v1::WorkerService::CallbackService {
 public:
  // All that is referred to outlives the service's calls.
  WorkerServiceImpl(Farm& farm, Chores& chores, Access& access, double lease_seconds)
      : farm_(farm),
        dispatcher_(farm.dispatcher()),
        chores_(chores),
        access_(access),
        server_epoch_(farm.epoch()),
        lease_seconds_(lease_seconds) {}

  grpc::ServerUnaryReactor* OpenSession(grpc::CallbackServerContext* context,
                                        const v1::OpenSessionRequest* request,
                                        v1::OpenSessionReply* reply) override;
  grpc::ServerUnaryReactor* Lease(grpc::CallbackServerContext* context,
                                  const v1::LeaseRequest* request, v1::LeaseReply* reply) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const v1::RenewRequest* request, v1::RenewReply* reply) override;
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context,
                                   const v1::ReportRequest* request,
                                   v1::ReportReply* reply) override;
  grpc::ServerUnaryReactor* CloseSession(grpc::CallbackServerContext* context,
                                         const v1::CloseSessionRequest* request,
                                         v1::CloseSessionReply* reply) override;
  grpc::ServerUnaryReactor* FetchModule(grpc::CallbackServerContext* context,
                                        const v1::FetchModuleRequest* request,
                                        v1::SignedModule* reply) override;

 private:
  grpc::ServerUnaryReactor* ReportFault(grpc::CallbackServerContext* context,
                                        const v1::ReportRequest& request, v1::ReportReply* reply);
  grpc::ServerUnaryReactor* ReportBuilt(grpc::CallbackServerContext* context,
                                        const v1::ReportRequest& request, v1::ReportReply* reply);
  grpc::ServerUnaryReactor* ReportNetwork(grpc::CallbackServerContext* context,
                                          const v1::ReportRequest& request, v1::ReportReply* reply);
  void LeaseInPlace(const v1::ReportRequest& request, v1::ReportReply* reply);

  Farm& farm_;
  Dispatcher& dispatcher_;
  Chores& chores_;
  Access& access_;
  const uint64_t server_epoch_;
  const double lease_seconds_;
};

}  // namespace tilewright
