#include "cli/tuning/local_farm.h"

#include <future>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/executable.h"
#include "cli/paths.h"
#include "runtime/cpu_info.h"
#include "worker/machine/core_plan.h"
#include "worker/machine/this_machine.h"
#include "worker/pipeline/private_folder.h"
#include "worker/process/child.h"
#include "worker/process/pipe_io.h"

namespace tilewright {
namespace {

constexpr double kStartSeconds = 30;
constexpr auto kStopTime = std::chrono::seconds(15);  // a kernel under way may run for some
constexpr int kWorkerStarts = 4;

// A child that is watched by a thread of its own.
class Supervised {
 public:
  // `on_end` is called when the child ends without having been told to; true: start it again.
  Supervised(std::vector<std::string> argv, std::vector<int> cores,
             std::function<bool(const std::string& why)> on_end)
      : argv_(std::move(argv)), cores_(std::move(cores)), on_end_(std::move(on_end)) {
    ready_ = ready_line_.get_future();
    done_ = finished_.get_future();
    thread_ = std::jthread([this] { Loop(); });
  }

  // Asks the child to end, by force after a while.
  ~Supervised() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      if (child_) child_->Terminate();
    }
    if (done_.wait_for(kStopTime) == std::future_status::ready) return;
    std::lock_guard lock(mutex_);
    if (child_) child_->Kill();
  }

  // Waits for the child's word that it is ready.
  absl::Status WaitReady() {
    if (ready_.wait_for(std::chrono::duration<double>(kStartSeconds)) !=
        std::future_status::ready) {
      return absl::UnavailableError(absl::StrCat(argv_[1], " does not start"));
    }
    return ready_.get();
  }

 private:
  void Loop() {
    PinThisThread(cores_);  // the child inherits it
    bool again = true;
    while (again) {
      const std::string why = RunOnce();
      std::unique_lock lock(mutex_);
      if (stopping_) break;
      lock.unlock();
      again = on_end_(why);
    }
    finished_.set_value();
  }

  // One life of the child; why it ended.
  std::string RunOnce() {
    absl::StatusOr<Child> child = Child::Start(argv_, ChildOutput::kOurStderr);
    if (!child.ok()) return std::string(child.status().message());
    {
      std::lock_guard lock(mutex_);
      child_ = &*child;
      if (stopping_) child_->Terminate();
    }
    const absl::StatusOr<std::string> line = ReadLine(child->output(), Deadline::max());
    SetReady(line.ok() ? absl::OkStatus()
                       : absl::UnavailableError(absl::StrCat("tilewright ", argv_[1], " failed")));
    // Descriptor 3 stays open until the child has ended.
    ReadToEnd(child->output(), 0, Deadline::max()).IgnoreError();
    std::lock_guard lock(mutex_);
    child_ = nullptr;
    return DescribeExit(child->Wait());
  }

  void SetReady(absl::Status status) {
    if (std::exchange(was_ready_, true)) return;
    ready_line_.set_value(std::move(status));
  }

  const std::vector<std::string> argv_;
  const std::vector<int> cores_;
  const std::function<bool(const std::string&)> on_end_;
  std::mutex mutex_;
  bool stopping_ = false;
  bool was_ready_ = false;
  Child* child_ = nullptr;
  std::promise<absl::Status> ready_line_;
  std::future<absl::Status> ready_;
  std::promise<void> finished_;
  std::future<void> done_;
  std::jthread thread_;
};

class LocalFarmImpl final : public LocalFarm {
 public:
  LocalFarmImpl(std::unique_ptr<PrivateFolder> folder, std::function<void(absl::Status)> on_failure)
      : folder_(std::move(folder)),
        address_("unix:" + folder_->path() + "/socket"),
        on_failure_(std::move(on_failure)) {}

  const std::string& address() const override { return address_; }

  absl::Status StartServer(const std::string& records, const std::vector<int>& cores) {
    server_ = std::make_unique<Supervised>(
        std::vector<std::string>{ExecutablePath(), "serve", "--embedded", "--one-job", "--listen",
                                 address_, "--records", records},
        cores, [this](const std::string& why) {
          on_failure_(absl::UnavailableError(absl::StrCat("the server ended by ", why)));
          return false;
        });
    return server_->WaitReady();
  }

  // A kernel cannot take the worker down, but people and memory killers can.
  void StartWorker(const LocalFarmSetup& setup, const std::vector<int>& cores) {
    std::vector<std::string> argv = {ExecutablePath(), "worker", "--embedded",
                                     "--server",       address_, "--key",
                                     setup.key,        "--temp", folder_->path()};
    const std::vector<std::string> where =
        setup.device.empty()
            ? std::vector<std::string>{"--slot-cores", std::to_string(setup.threads)}
            : std::vector<std::string>{"--device", setup.device};
    argv.insert(argv.end(), where.begin(), where.end());
    worker_ = std::make_unique<Supervised>(
        std::move(argv), cores, [this, starts = 1](const std::string& why) mutable {
          if (++starts <= kWorkerStarts) return true;
          on_failure_(absl::UnavailableError(absl::StrCat("the worker ended by ", why)));
          return false;
        });
  }

 private:
  const std::unique_ptr<PrivateFolder> folder_;
  const std::string address_;
  const std::function<void(absl::Status)> on_failure_;
  std::unique_ptr<Supervised> server_;
  std::unique_ptr<Supervised> worker_;  // ends first
};

}  // namespace

absl::StatusOr<std::unique_ptr<LocalFarm>> LocalFarm::Start(
    const LocalFarmSetup& setup, std::function<void(absl::Status)> on_failure) {
  const std::vector<int> all = runtime::AllowedCpus();
  TW_ASSIGN_OR_RETURN(const CorePlan plan, PlanThisMachine({.slot_cores = setup.threads}));
  TW_ASSIGN_OR_RETURN(auto folder, PrivateFolder::Make(TempFolder()));
  auto farm = std::make_unique<LocalFarmImpl>(std::move(folder), std::move(on_failure));
  TW_RETURN_IF_ERROR(farm->StartServer(setup.records, plan.others));  // off the measured core
  farm->StartWorker(setup, all);
  return farm;
}

}  // namespace tilewright
