#include "tuner/server/server.h"

#include <atomic>
#include <mutex>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/channel.h"
#include "records/store/file_lock.h"
#include "tuner/server/dispatch/random_id.h"
#include "tuner/server/farm_log.h"
#include "tuner/server/jobs/farm.h"
#include "tuner/server/services/access.h"
#include "tuner/server/services/chores.h"
#include "tuner/server/services/tuning_service.h"
#include "tuner/server/services/worker_load.h"
#include "tuner/server/services/worker_service.h"
#include "tuner/server/web/farm_metrics.h"
#include "tuner/server/web/http_server.h"
#include "tuner/server/web/web_views.h"

namespace tilewright {
namespace {

constexpr auto kShutdownGrace = std::chrono::seconds(5);

constexpr size_t kSessionBytes = 16;
constexpr double kUnfitSeconds = 60;  // a full disk or a replaced binary takes people a while
constexpr int kChoreThreads = 4;

uint64_t RandomNumber() { return std::stoull(RandomHex(sizeof(uint64_t)), nullptr, 16); }

// Of the first attempt: far from those of any other run of the server, with room above.
uint64_t FirstId() { return (RandomNumber() >> 24) << 20 | 1; }

DispatcherOptions OptionsOf(const ServerOptions& options, const Access& access,
                            std::vector<FarmObserver*> observers) {
  return {.lease_seconds = options.lease_seconds,
          .unfit_seconds = options.embedded ? kUnfitSeconds : 0,
          .is_revoked = [&access](const std::string& serial) { return access.IsRevoked(serial); },
          .first_id = FirstId(),
          .observers = std::move(observers)};
}

absl::Status CheckAddress(const ServerOptions& options) {
  if (const Credentials* own = options.credentials.get()) {
    const Identity& identity = own->facts.identity;
    if (identity.role == Role::kServer) return absl::OkStatus();
    return absl::PermissionDeniedError(absl::StrCat(own->folder, " holds the certificate of ",
                                                    NameOf(identity.role), " ", identity.name,
                                                    "; a server needs one of the role server"));
  }
  if (IsLocal(options.listen) || options.insecure) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "listening on ", options.listen, " would let other machines in without authentication; ",
      "pass --tls DIR (see `tilewright certs`), listen on 127.0.0.1, or pass --insecure on a ",
      "network where everyone is trusted"));
}

absl::Status CheckHttp(const ServerOptions& options) {
  if (options.http.empty() || IsLocal(options.http) || options.insecure) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "the web page on ", options.http, " would show everything to everybody; use 127.0.0.1 and a ",
      "proxy that asks who comes, or pass --insecure on a network where everyone is trusted"));
}

absl::StatusOr<std::unique_ptr<RevocationFile>> RevokedOf(const ServerOptions& options) {
  if (!options.credentials) return nullptr;
  return RevocationFile::Open(options.credentials->revocation_path(),
                              options.credentials->authority,
                              [log = options.log](const std::string& line) {
                                if (log) log->Warn(line);
                              });
}

absl::StatusOr<std::unique_ptr<Webhook>> WebhookOf(const ServerOptions& options,
                                                   const Clock& clock) {
  if (options.webhook.url.empty()) return nullptr;
  WebhookOptions webhook = options.webhook;
  webhook.insecure = options.insecure;
  return Webhook::Start(webhook, clock, options.log ? *options.log : NoLog());
}

// A unix socket's path is taken over without a word by whoever binds it later; the lock says that
// its server lives. The file stays: removing it could take it from under the next server.
absl::StatusOr<FileLock> LockSocket(absl::string_view listen) {
  absl::ConsumePrefix(&listen, "unix:");
  absl::ConsumePrefix(&listen, "//");
  absl::StatusOr<FileLock> lock = FileLock::Take(absl::StrCat(listen, ".lock"));
  if (!absl::IsUnavailable(lock.status())) return lock;
  return absl::UnavailableError(
      absl::StrCat("cannot listen on unix:", listen, ": another server does"));
}

// What of the options has to be opened; each null where there is none.
struct Opened {
  std::unique_ptr<RevocationFile> revoked;
  std::unique_ptr<Webhook> webhook;
};

class ServerImpl final : public Server {
 public:
  ServerImpl(const ServerOptions& options, Opened opened, RecordStore& store, const Clock& clock)
      : credentials_(options.credentials),
        access_(std::move(opened.revoked), clock, options.log ? *options.log : NoLog()),
        log_(options.log ? *options.log : NoLog()),
        farm_log_(log_),
        load_(clock),
        store_(store),
        webhook_(std::move(opened.webhook)),
        on_broken_store_(options.on_broken_store),
        farm_({.epoch = RandomNumber(),
               .dispatcher = OptionsOf(options, access_, Observers()),
               .new_session = [] { return RandomHex(kSessionBytes); },
               .on_commit = [this](double seconds,
                                   const absl::Status& status) { OnCommit(seconds, status); },
               .on_job_end = OnJobEnd()},
              {store, clock, log_, activities_}),
        chores_(std::make_unique<Chores>(kChoreThreads)),
        worker_service_(farm_, *chores_, access_, options.lease_seconds),
        tuning_service_({farm_.dispatcher(), farm_.jobs(), store, *chores_, access_, log_, clock}) {
  }

  ~ServerImpl() override;
  absl::Status ResumeJobs() { return farm_.jobs().Resume(); }
  absl::Status Listen(const std::string& listen);
  absl::Status ServeHttp(const std::string& listen);
  const std::string& address() const override { return address_; }
  const std::string& http_address() const override { return http_ ? http_->address() : no_http_; }

 private:
  std::vector<FarmObserver*> Observers() {
    std::vector<FarmObserver*> observers = {&farm_log_, &metrics_, &load_};
    if (webhook_) observers.push_back(webhook_.get());
    return observers;
  }
  decltype(JobContext::on_end) OnJobEnd() {
    if (!webhook_) return nullptr;
    return [this](const std::string& job, const std::string& state, const std::string& message) {
      webhook_->OnJobEnded(job, state, message);
    };
  }
  void OnCommit(double seconds, const absl::Status& status);
  void SetServing(bool serving);
  void SetHealth(grpc::HealthCheckServiceInterface* health) {
    std::lock_guard lock(health_mutex_);
    health_ = health;
  }

  const std::shared_ptr<const Credentials> credentials_;
  Access access_;
  Log& log_;
  FarmLog farm_log_;
  FarmMetrics metrics_;
  WorkerLoad load_;
  const RecordStore& store_;
  const std::unique_ptr<Webhook> webhook_;  // null: nobody is told
  const decltype(ServerOptions::on_broken_store) on_broken_store_;
  std::atomic<bool> storing_{true};  // the last transaction was stored
  std::atomic<bool> broken_{false};  // none will be any more
  std::mutex health_mutex_;
  grpc::HealthCheckServiceInterface* health_ = nullptr;  // gRPC's, while it serves
  ThreadActivities activities_;
  Farm farm_;
  std::unique_ptr<Chores> chores_;
  WorkerServiceImpl worker_service_;
  TuningServiceImpl tuning_service_;
  std::optional<FileLock> socket_lock_;  // of a unix address
  std::unique_ptr<grpc::Server> grpc_;
  std::string address_;
  const std::string no_http_;
  std::unique_ptr<HttpServer> http_;
};

absl::Status ServerImpl::Listen(const std::string& listen) {
  SilenceGrpc();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  const bool is_unix = absl::StartsWith(listen, "unix:");
  if (is_unix) {
    TW_ASSIGN_OR_RETURN(FileLock lock, LockSocket(listen));
    socket_lock_.emplace(std::move(lock));
  }
  grpc::ServerBuilder builder;
  int port = 0;
  const auto credentials = MakeServerCredentials(credentials_.get());
  if (credentials_) credentials->SetAuthMetadataProcessor(MakeGate(access_));
  builder.AddListeningPort(listen, credentials, &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server must fail
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kServerMinPingMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);  // nobody asks for it
  builder.SetMaxReceiveMessageSize(kMaxMessageSize);
  builder.RegisterService(&worker_service_);
  builder.RegisterService(&tuning_service_);
  grpc_ = builder.BuildAndStart();
  if (!grpc_ || (!is_unix && port == 0)) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", listen,
                                               ": the address is in use or not of this machine"));
  }
  address_ = is_unix ? listen : absl::StrCat(listen.substr(0, listen.rfind(':')), ":", port);
  SetHealth(grpc_->GetHealthCheckService());
  SetServing(storing_);
  return absl::OkStatus();
}

absl::Status ServerImpl::ServeHttp(const std::string& listen) {
  if (listen.empty()) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(
      http_, HttpServer::Start(listen, MakeWebRoutes({farm_.dispatcher(), farm_.jobs(), metrics_,
                                                      load_, store_})));
  return absl::OkStatus();
}

// Whoever asks for its health learns of a full disk.
void ServerImpl::SetServing(bool serving) {
  std::lock_guard lock(health_mutex_);
  if (!health_) return;
  health_->SetServingStatus(serving);
  for (const char* service :
       {v1::TuningService::service_full_name(), v1::WorkerService::service_full_name()}) {
    health_->SetServingStatus(service, serving);
  }
}

void ServerImpl::OnCommit(double seconds, const absl::Status& status) {
  metrics_.OnCommit(seconds, status);
  if (absl::IsAborted(status) && !broken_.exchange(true) && on_broken_store_) {
    on_broken_store_(status);
  }
  if (storing_.exchange(status.ok()) == status.ok()) return;
  if (status.ok()) {
    log_.Info("records are stored again");
  } else {
    log_.Error("records cannot be stored; workers keep them",
               {{"reason", std::string(status.message())}});
  }
  SetServing(status.ok());
}

ServerImpl::~ServerImpl() {
  http_.reset();
  farm_.Suspend();
  SetHealth(nullptr);
  if (grpc_) grpc_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  chores_.reset();  // calls that it answers keep gRPC waiting
  grpc_.reset();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      RecordStore& store, const Clock& clock) {
  TW_RETURN_IF_ERROR(CheckAddress(options));
  TW_RETURN_IF_ERROR(CheckHttp(options));
  Opened opened;
  TW_ASSIGN_OR_RETURN(opened.revoked, RevokedOf(options));
  TW_ASSIGN_OR_RETURN(opened.webhook, WebhookOf(options, clock));
  auto server = std::make_unique<ServerImpl>(options, std::move(opened), store, clock);
  if (!options.embedded) TW_RETURN_IF_ERROR(server->ResumeJobs());
  TW_RETURN_IF_ERROR(server->Listen(options.listen));
  TW_RETURN_IF_ERROR(server->ServeHttp(options.http));
  return server;
}

}  // namespace tilewright
