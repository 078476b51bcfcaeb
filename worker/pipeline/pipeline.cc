#include "worker/pipeline/pipeline.h"

#include <algorithm>
#include <chrono>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "worker/pipeline/pipeline_job.h"
#include "worker/process/run_kernel.h"

namespace tilewright {
namespace {

// Beyond one trial for each builder and slot: covers the way to the server and back.
constexpr size_t kAhead = 2;

absl::StatusOr<BuildResult> Unpack(const CompiledTask& task, const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  out << task.so;
  out.close();
  if (!out) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  BuiltKernel built{path, task};
  built.task.so.clear();
  return built;
}

}  // namespace

Pipeline::Pipeline(PipelineSetup setup, Finished finished, Unfit unfit)
    : setup_(std::move(setup)),
      finished_(std::move(finished)),
      unfit_(std::move(unfit)),
      capacity_(setup_.builders + setup_.cores.slots.size() + kAhead),
      turns_(setup_.cores.slots.size()),
      references_(setup_.folder, setup_.runner, setup_.cores.others, &build_interrupt_) {
  for (int b = 0; b < setup_.builders; ++b) {
    builders_.emplace_back([this] {
      if (setup_.simulate) return SimulateLoop();
      setup_.fetch ? FetchLoop() : setup_.only_builds ? BuildModules() : BuildLoop();
    });
  }
  for (size_t slot = 0; slot < setup_.cores.slots.size(); ++slot) {
    slots_.push_back(std::make_unique<Slot>(setup_.cores, slot));
  }
  for (size_t i = 0; i < kRunsASlot * slots_.size(); ++i) {
    runs_.emplace_back([this, &slot = *slots_[i / kRunsASlot]] { RunLoop(slot); });
  }
}

Pipeline::~Pipeline() { Stop(0); }

void Pipeline::Stop(double grace_seconds) {
  Pause();
  {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    build_interrupt_.Raise();
    run_ended_.wait_for(lock, std::chrono::duration<double>(grace_seconds),
                        [this] { return running_ == 0; });
  }
  run_interrupt_.Raise();
  runnable_.notify_all();
  to_build_.Close();
  for (std::thread& thread : builders_) thread.join();
  for (std::thread& thread : runs_) thread.join();
  builders_.clear();
  runs_.clear();
}

// ---- what is held ------------------------------------------------------------------------------

void Pipeline::Add(WorkerTrial trial) {
  auto job = std::make_unique<Job>();
  job->trial = std::move(trial);
  job->added = std::chrono::steady_clock::now();
  {
    std::lock_guard lock(mutex_);
    held_.insert(job->trial.attempt);
    if (paused_) dropped_.insert(job->trial.attempt);
  }
  to_build_.Push(std::move(job));
}

void Pipeline::Drop(const AttemptId& attempt) {
  std::lock_guard lock(mutex_);
  if (held_.contains(attempt)) dropped_.insert(attempt);
  turns_.EndSpareTimes();  // what they wait for may not come
}

void Pipeline::DropAll() {
  std::lock_guard lock(mutex_);
  dropped_ = held_;
  turns_.EndSpareTimes();
}

bool Pipeline::IsDropped(const Job& job) const {
  std::lock_guard lock(mutex_);
  return stopped_ || dropped_.contains(job.trial.attempt);
}

std::vector<AttemptId> Pipeline::Held() const {
  std::lock_guard lock(mutex_);
  return {held_.begin(), held_.end()};
}

size_t Pipeline::WaitForRoom() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return paused_ || held_.size() + reserved_ < capacity_; });
  return paused_ ? 0 : capacity_ - held_.size() - reserved_;
}

void Pipeline::Reserve() {
  std::lock_guard lock(mutex_);
  ++reserved_;
}

void Pipeline::GiveBack() {
  {
    std::lock_guard lock(mutex_);
    --reserved_;
  }
  room_.notify_all();
}

void Pipeline::Pause() {
  {
    std::lock_guard lock(mutex_);
    paused_ = true;
    dropped_ = held_;
    turns_.EndSpareTimes();
  }
  room_.notify_all();
}

void Pipeline::Resume() {
  std::lock_guard lock(mutex_);
  paused_ = stopped_;
}

void Pipeline::Release(const AttemptId& attempt) {
  {
    std::lock_guard lock(mutex_);
    held_.erase(attempt);
    dropped_.erase(attempt);
  }
  room_.notify_all();
}

void Pipeline::Finish(Job& job, absl::StatusOr<Outcome> outcome) {
  const bool interrupted = absl::IsCancelled(outcome.status());
  job.result.outcome = std::move(outcome);
  job.result.worker_seconds = SecondsSince(job.added);
  if (!interrupted) finished_(job.trial, std::move(job.result));
  Release(job.trial.attempt);
}

// ---- builds ------------------------------------------------------------------------------------

BuilderOptions Pipeline::builder_options() const {
  return {.path = setup_.builder,
          .cores = setup_.cores.others,
          .folder = setup_.folder,
          .interrupt = &build_interrupt_};
}

void Pipeline::ForEachToBuild(const std::function<void(JobPtr)>& build) {
  while (std::optional<JobPtr> job = to_build_.Pop()) {
    if (IsDropped(**job)) {
      Release((*job)->trial.attempt);
    } else {
      build(*std::move(job));
    }
    NotifySlots();
  }
}

void Pipeline::BuildLoop() {
  Builder builder(builder_options());
  std::unique_ptr<DeviceRunner> driver;
  ForEachToBuild([&](JobPtr job) { Build(std::move(job), builder, driver); });
}

void Pipeline::BuildModules() {
  ModuleBuilder builder(builder_options(), NextPath());
  ForEachToBuild([&](const JobPtr& job) { BuildModule(*job, builder); });
}

void Pipeline::FetchLoop() {
  ForEachToBuild([this](JobPtr job) { Fetch(std::move(job)); });
}

void Pipeline::SimulateLoop() {
  ForEachToBuild([this](const JobPtr& job) {
    const auto start = std::chrono::steady_clock::now();
    Outcome outcome = setup_.simulate(job->trial);
    job->result.run_seconds = SecondsSince(start);
    Finish(*job, std::move(outcome));
  });
}

void Pipeline::BuildModule(Job& job, ModuleBuilder& builder) {
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<std::variant<TrialModule, Failure>> built = builder.Build(job.trial);
  job.result.build_seconds = SecondsSince(start);
  if (!built.ok()) return Finish(job, std::move(built).status());
  if (auto* failure = std::get_if<Failure>(&*built)) return Finish(job, std::move(*failure));
  job.result.module = std::get<TrialModule>(*std::move(built));
  Finish(job, Outcome());
}

// The verified libraries become files only now.
void Pipeline::Fetch(JobPtr job) {
  const WorkerTrial& trial = job->trial;
  const absl::StatusOr<TrialModule> module = setup_.fetch(trial);
  if (!module.ok()) {
    job->result.of_builder = absl::IsDataLoss(module.status());
    return Finish(*job, std::move(module).status());
  }
  job->reference = references_.Get(trial.task, trial.options.seed, [&](const std::string& path) {
    return Unpack(module->reference, path);
  });
  NotifySlots();  // others may have waited for it
  job->library = std::make_unique<RemovedFile>(NextPath());
  absl::StatusOr<BuildResult> kernel = Unpack(module->kernel, job->library->path());
  if (!kernel.ok()) return Finish(*job, std::move(kernel).status());
  job->kernel = std::get<BuiltKernel>(*std::move(kernel));
  PushBuilt(std::move(job));
}

std::string Pipeline::NextPath() {
  std::lock_guard lock(mutex_);
  return absl::StrCat(setup_.folder, "/kernel-", next_file_++, ".so");
}

// By the target's compiler, then by the device's driver.
absl::StatusOr<BuildResult> Pipeline::BuildKernel(const Job& job, Builder& builder,
                                                  std::unique_ptr<DeviceRunner>& driver) {
  const WorkerTrial& trial = job.trial;
  const std::string path = job.library->path();
  const auto start = std::chrono::steady_clock::now();
  const double limit = trial.options.build_limit_seconds;
  TW_ASSIGN_OR_RETURN(BuildResult built, builder.BuildTask(trial.task, trial.config, path, limit));
  const bool compiles = setup_.device != nullptr && setup_.device->compiles();
  if (!compiles || std::holds_alternative<Failure>(built)) return built;
  if (!driver) {
    TW_ASSIGN_OR_RETURN(driver, setup_.device->StartCompiler(setup_.cores.others));
  }
  RunSpec spec = SpecOf(std::get<BuiltKernel>(built), RunArguments(trial.task.workload));
  spec.reference = path;  // none is read
  TW_ASSIGN_OR_RETURN(const std::optional<Failure> failure,
                      driver->Compile(spec, limit - SecondsSince(start), &build_interrupt_));
  return failure ? BuildResult(*failure) : std::move(built);
}

void Pipeline::Build(JobPtr job, Builder& builder, std::unique_ptr<DeviceRunner>& driver) {
  const WorkerTrial& trial = job->trial;
  if (trial.network) return BuildNetwork(std::move(job));
  job->reference = references_.Get(trial.task, trial.options.seed, builder);
  NotifySlots();  // others may have waited for it
  job->library = std::make_unique<RemovedFile>(NextPath());
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<BuildResult> built = BuildKernel(*job, builder, driver);
  job->result.build_seconds = SecondsSince(start);
  if (!built.ok()) return Finish(*job, std::move(built).status());
  if (auto* failure = std::get_if<Failure>(&*built)) return Finish(*job, std::move(*failure));
  job->kernel = std::get<BuiltKernel>(*std::move(built));
  PushBuilt(std::move(job));
}

void Pipeline::PushBuilt(JobPtr job) {
  {
    std::lock_guard lock(mutex_);
    built_.push_back(std::move(job));
  }
  NotifySlots();
}

}  // namespace tilewright
