#include "cli/farm_client.h"

#include <chrono>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/channel.h"
#include "proto/convert.h"
#include "proto/tilewright.grpc.pb.h"

namespace tilewright {
namespace {

constexpr auto kCallLimit = std::chrono::seconds(15);
constexpr auto kReconnectPause = std::chrono::seconds(2);
constexpr int kReconnects = 30;
constexpr auto kBlobLimit = std::chrono::minutes(5);
constexpr size_t kMaxBlobBytes = 256 << 20;

absl::Status Explain(const grpc::Status& status, const std::string& address) {
  if (status.error_code() != grpc::UNAVAILABLE) return FromGrpc(status);
  return absl::UnavailableError(
      absl::StrCat("no server answers at ", address, ": ", status.error_message()));
}

// A server on a private socket does not come back.
bool IsLocal(const std::string& address) { return absl::StartsWith(address, "unix:"); }

}  // namespace

struct FarmClient::Stub {
  explicit Stub(const std::string& address)
      : service(v1::TuningService::NewStub(MakeChannel(address))) {}

  template <typename Request, typename Reply>
  absl::StatusOr<Reply> Call(grpc::Status (v1::TuningService::Stub::*method)(grpc::ClientContext*,
                                                                             const Request&,
                                                                             Reply*),
                             const Request& request, const std::string& address) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
    Reply reply;
    const grpc::Status status = (service.get()->*method)(&context, request, &reply);
    if (!status.ok()) return Explain(status, address);
    return reply;
  }

  std::unique_ptr<v1::TuningService::Stub> service;
};

FarmClient::FarmClient(std::string address)
    : address_(std::move(address)), stub_(std::make_unique<Stub>(address_)) {}
FarmClient::~FarmClient() = default;

absl::StatusOr<v1::SubmitJobReply> FarmClient::Submit(const v1::JobSpec& spec) {
  v1::SubmitJobRequest request;
  *request.mutable_spec() = spec;
  return stub_->Call(&v1::TuningService::Stub::SubmitJob, request, address_);
}

absl::StatusOr<v1::ListJobsReply> FarmClient::ListJobs() {
  return stub_->Call(&v1::TuningService::Stub::ListJobs, v1::ListJobsRequest(), address_);
}

absl::StatusOr<v1::CancelJobReply> FarmClient::Cancel(const std::string& job) {
  v1::CancelJobRequest request;
  request.set_job(job);
  return stub_->Call(&v1::TuningService::Stub::CancelJob, request, address_);
}

absl::StatusOr<v1::ListWorkersReply> FarmClient::ListWorkers() {
  return stub_->Call(&v1::TuningService::Stub::ListWorkers, v1::ListWorkersRequest(), address_);
}

absl::StatusOr<std::string> FarmClient::FetchBlob(const std::string& name) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kBlobLimit);
  v1::FetchBlobRequest request;
  request.set_name(name);
  const auto reader = stub_->service->FetchBlob(&context, request);
  std::string bytes;
  v1::BlobChunk chunk;
  while (bytes.size() <= kMaxBlobBytes && reader->Read(&chunk)) bytes += chunk.data();
  if (bytes.size() > kMaxBlobBytes) {
    context.TryCancel();
    reader->Finish();
    return absl::ResourceExhaustedError(
        absl::StrCat("the server at ", address_, " sends more than 256 MiB of ", name));
  }
  if (const grpc::Status status = reader->Finish(); !status.ok()) return Explain(status, address_);
  return bytes;
}

absl::StatusOr<v1::JobEvent> FarmClient::Watch(
    const std::string& job, const std::function<void(const v1::JobEvent&)>& on_event) {
  v1::WatchJobRequest request;
  request.set_job(job);
  v1::JobEvent event, last;
  for (int reconnects = 0;;) {
    grpc::ClientContext context;
    request.set_after_sequence(last.sequence());
    const auto reader = stub_->service->WatchJob(&context, request);
    while (reader->Read(&event)) {
      reconnects = 0;
      last = event;
      on_event(event);
    }
    const grpc::Status status = reader->Finish();
    if (status.ok()) return last;
    if (status.error_code() != grpc::UNAVAILABLE) return FromGrpc(status);
    if (IsLocal(address_) || ++reconnects > kReconnects) {
      return absl::UnavailableError(
          absl::StrCat("the server at ", address_, " is gone: ", status.error_message()));
    }
    std::this_thread::sleep_for(kReconnectPause);
  }
}

std::string NameOf(v1::JobState state) { return absl::AsciiStrToLower(v1::JobState_Name(state)); }

}  // namespace tilewright
