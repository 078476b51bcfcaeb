// Simulated workers that load a server, and how long it lets them wait.
//
//   bench-farm-load ADDRESS TLS_FOLDER|- [--workers N] [--rate R] [--seconds S] [--key KEY]
//
// Each worker has a connection and a session of its own, and renews it as a real one does. All of
// them together make R pairs of a lease and a report a second, in turn, whether the pairs before
// are answered or not; with "--rate 0" each goes on as soon as it is answered; with "--rate -1" all
// only wait for work. Without a pause the report leases the next trial, as real workers' do, where
// the server can. Reported times are made up. Each line on stdin begins a new part of the run;
// a part's figures are a line of JSON on stdout when it ends.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "proto/tilewright.grpc.pb.h"
#include "security/credentials.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;
using SteadyClock = std::chrono::steady_clock;

struct Options {
  std::string address, tls, key = "load";
  int workers = 1000;
  double rate = 500, seconds = 60;
};

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Of calls, in seconds.
Json Quantiles(std::vector<double>& waits) {
  if (waits.empty()) return Json();
  std::sort(waits.begin(), waits.end());
  const auto at = [&](double share) {
    return 1e3 * waits[static_cast<size_t>(share * static_cast<double>(waits.size() - 1))];
  };
  return {{"p50", at(0.5)}, {"p99", at(0.99)}, {"max", at(1)}};
}

// What happened since the part began. Thread-safe.
class Figures {
 public:
  enum Call { kLease, kReport, kRenew };

  void Note(Call call, SteadyClock::time_point since, const grpc::Status& status) {
    std::lock_guard lock(mutex_);
    waits_[call].push_back(SecondsSince(since));
    if (status.ok()) return;
    ++errors_;
    last_error_ = status.error_message();
  }
  // A worker whose turn came had not been answered yet.
  void NoteLate() {
    std::lock_guard lock(mutex_);
    ++late_;
  }
  void Begin(const std::string& part) {
    std::lock_guard lock(mutex_);
    part_ = part;
    start_ = SteadyClock::now();
    for (auto& waits : waits_) waits.clear();
    errors_ = late_ = 0;
    last_error_.clear();
  }
  void Print() {
    std::lock_guard lock(mutex_);
    const double seconds = SecondsSince(start_);
    const auto pairs = static_cast<double>(waits_[kReport].size());
    std::cout << Json({{"part", part_},
                       {"seconds", seconds},
                       {"pairs", waits_[kReport].size()},
                       {"pairs_a_second", pairs / seconds},
                       {"lease_ms", Quantiles(waits_[kLease])},
                       {"report_ms", Quantiles(waits_[kReport])},
                       {"renew_ms", Quantiles(waits_[kRenew])},
                       {"late", late_},
                       {"errors", errors_},
                       {"last_error", last_error_}})
                     .dump()
              << std::endl;
  }

 private:
  std::mutex mutex_;
  std::string part_, last_error_;
  SteadyClock::time_point start_ = SteadyClock::now();
  std::vector<double> waits_[3];
  int64_t errors_ = 0, late_ = 0;
};

std::shared_ptr<grpc::Channel> ConnectionOfItsOwn(const Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // as workers do
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (options.tls != "-") {
    const auto now = static_cast<int64_t>(SystemClock().UnixTime());
    static const Credentials own = LoadCredentials(options.tls, now).value();
    credentials = grpc::SslCredentials({.pem_root_certs = own.authority,
                                        .pem_private_key = own.own.key,
                                        .pem_cert_chain = own.own.certificate});
  }
  return grpc::CreateCustomChannel(options.address, credentials, arguments);
}

// One call at a time, besides renewals.
class Worker {
 public:
  Worker(const Options& options, int number, Figures& figures)
      : options_(options),
        number_(number),
        figures_(figures),
        stub_(v1::WorkerService::NewStub(ConnectionOfItsOwn(options))) {}

  void Open() {
    v1::OpenSessionRequest request;
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    request.set_worker(absl::StrCat("load-", number_));
    request.set_incarnation(absl::StrCat("load-", getpid(), "-", number_));
    request.set_capacity(4);
    request.mutable_device()->set_key(options_.key);
    request.mutable_device()->set_name("simulated");
    request.mutable_device()->set_target("cpu -mcpu=skylake-avx512");
    request.mutable_device()->set_slots(1);
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    const grpc::Status status = stub_->OpenSession(&context, request, &session_);
    TW_CHECK(status.ok()) << status.error_message();
  }

  // A lease and, if it brings a trial, its report; false: it is still at the one before.
  bool Begin() {
    if (busy_.exchange(true)) return false;
    Lease();
    return true;
  }
  void Renew() {
    if (renewing_.exchange(true)) return;
    renewal_ = std::make_unique<grpc::ClientContext>();
    renew_.set_session(session_.session());
    stub_->async()->Renew(renewal_.get(), &renew_, &renewed_,
                          [this, start = SteadyClock::now()](const grpc::Status& status) {
                            figures_.Note(Figures::kRenew, start, status);
                            renewing_ = false;
                          });
  }
  double renew_seconds() const { return session_.renew_seconds(); }
  bool busy() const { return busy_ || renewing_; }
  void Stop() {
    stopped_ = true;
    if (options_.rate < 0) context_->TryCancel();  // it waits for work that may never come
  }

 private:
  void Lease() {
    context_ = std::make_unique<grpc::ClientContext>();
    lease_.set_session(session_.session());
    lease_.set_max_items(1);
    lease_.set_max_wait_seconds(options_.rate < 0 ? 60 : 1);
    stub_->async()->Lease(
        context_.get(), &lease_, &leased_,
        [this, start = SteadyClock::now()](const grpc::Status& status) { Leased(start, status); });
  }
  void Leased(SteadyClock::time_point start, const grpc::Status& status) {
    if (options_.rate >= 0) figures_.Note(Figures::kLease, start, status);
    status.ok() && leased_.items_size() > 0 ? Report(leased_.items(0)) : Done();
  }
  void Report(const v1::WorkItem& item) {
    report_.set_session(session_.session());
    report_.set_server_epoch(session_.server_epoch());
    report_.set_attempt(item.attempt());
    report_.set_fence(item.fence());
    // As real workers do; in turn each call is timed by itself.
    report_.set_lease_items(options_.rate == 0 ? 1 : 0);
    v1::Outcome& outcome = *report_.mutable_measured()->mutable_outcome();
    outcome.clear_seconds();
    // Each its own, and none below what a machine can do.
    outcome.add_seconds(1e-3 + 1e-9 * static_cast<double>(item.attempt() % 1'000'000));
    context_ = std::make_unique<grpc::ClientContext>();
    stub_->async()->Report(context_.get(), &report_, &reported_,
                           [this, start = SteadyClock::now()](const grpc::Status& status) {
                             Reported(start, status);
                           });
  }
  void Reported(SteadyClock::time_point start, const grpc::Status& status) {
    figures_.Note(Figures::kReport, start, status);
    const bool goes_on = status.ok() && reported_.leased_size() > 0 && !stopped_;
    goes_on ? Report(reported_.leased(0)) : Done();
  }
  void Done() {
    if (options_.rate > 0 || stopped_) {
      busy_ = false;
    } else {
      Lease();
    }
  }

  const Options& options_;
  const int number_;
  Figures& figures_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_, renewal_;
  std::atomic<bool> busy_ = false, renewing_ = false, stopped_ = false;
  v1::OpenSessionReply session_;
  v1::LeaseRequest lease_;
  v1::LeaseReply leased_;
  v1::ReportRequest report_;
  v1::ReportReply reported_;
  v1::RenewRequest renew_;
  v1::RenewReply renewed_;
};

using Workers = std::vector<std::unique_ptr<Worker>>;

Workers OpenAll(const Options& options, Figures& figures) {
  constexpr int kThreads = 16;
  Workers workers;
  for (int i = 0; i < options.workers; ++i) {
    workers.push_back(std::make_unique<Worker>(options, i, figures));
  }
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t i = thread; i < workers.size(); i += kThreads) workers[i]->Open();
    });
  }
  return workers;
}

// Calls `act` for one worker after the other, `rate` times a second, until `end`.
void InTurn(Workers& workers, double rate, SteadyClock::time_point end,
            const std::function<void(Worker&)>& act) {
  const auto start = SteadyClock::now();
  for (int64_t i = 0;; ++i) {
    const auto due = start + std::chrono::duration_cast<SteadyClock::duration>(
                                 std::chrono::duration<double>(static_cast<double>(i) / rate));
    if (due > end) return std::this_thread::sleep_until(end);
    std::this_thread::sleep_until(due);
    act(*workers[static_cast<size_t>(i) % workers.size()]);
  }
}

void Load(const Options& options, Workers& workers, Figures& figures) {
  const auto end = SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(
                                            std::chrono::duration<double>(options.seconds));
  const double renewals =
      static_cast<double>(workers.size()) / std::max(1.0, workers.front()->renew_seconds());
  std::jthread renewing(
      [&] { InTurn(workers, renewals, end, [](Worker& worker) { worker.Renew(); }); });
  if (options.rate > 0) {
    InTurn(workers, options.rate, end, [&](Worker& worker) {
      if (!worker.Begin()) figures.NoteLate();
    });
  } else {
    for (const auto& worker : workers) worker->Begin();
    std::this_thread::sleep_until(end);
  }
}

void Run(const Options& options) {
  Figures figures;
  Workers workers = OpenAll(options, figures);
  std::cout << Json({{"open", workers.size()}}).dump() << std::endl;
  figures.Begin("first");
  std::thread([&figures] {
    for (std::string part; std::getline(std::cin, part);) {
      figures.Print();
      figures.Begin(part);
    }
  }).detach();
  Load(options, workers, figures);
  figures.Print();
  for (const auto& worker : workers) worker->Stop();
  for (const auto& worker : workers) {
    while (worker->busy()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::cout.flush();
  _exit(0);  // the thread that reads stdin may wait for ever
}

bool Parse(int argc, char** argv, Options* options) {
  if (argc < 3 || argc % 2 == 0) return false;
  options->address = argv[1];
  options->tls = argv[2];
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    const bool known = name == "--key"       ? (options->key = value, true)
                       : name == "--workers" ? absl::SimpleAtoi(value, &options->workers)
                       : name == "--rate"    ? absl::SimpleAtod(value, &options->rate)
                       : name == "--seconds" ? absl::SimpleAtod(value, &options->seconds)
                                             : false;
    if (!known) return false;
  }
  return options->workers > 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  tilewright::Options options;
  if (!tilewright::Parse(argc, argv, &options)) {
    std::cerr << "bench-farm-load ADDRESS TLS_FOLDER|- [--workers N] [--rate R] [--seconds S] "
                 "[--key KEY]\n";
    return 2;
  }
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as workers do
  tilewright::Run(options);
}
