#include "tuner/server/jobs/jobs.h"

#include <algorithm>
#include <future>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "tuner/server/dispatch/trial.h"

namespace tilewright {
namespace {

constexpr long kMaxRunning = 1000;  // a thread each
constexpr long kMaxOfOwner = 200;
constexpr size_t kMaxListed = 1000;  // of those that ended
constexpr uint32_t kMaxWeight = 16;
constexpr double kStoreSeconds = 10;

absl::Status NotStored() {
  return absl::UnavailableError("the job could not be stored (is the server's disk full?)");
}

absl::Status CheckSubmission(const Submission& submission) {
  if (submission.owner.size() > kMaxName || submission.request.size() > kMaxName) {
    return absl::InvalidArgumentError("owner and request have at most 200 bytes each");
  }
  if (submission.weight > kMaxWeight) {
    return absl::InvalidArgumentError(
        absl::StrCat("a priority of ", submission.weight, ", allowed 1 to ", kMaxWeight));
  }
  return CheckSpec(submission.spec);
}

// Trials that every worker of the key would hand back are refused before they are made. Without a
// worker they wait for one.
absl::Status CheckOffered(const v1::JobSpec& spec, const std::vector<WorkerView>& workers) {
  std::set<std::string> kinds;
  for (const WorkerView& worker : workers) {
    const std::string& target = worker.info.target;
    if (worker.info.device_key == spec.key()) kinds.insert(target.substr(0, target.find(' ')));
  }
  for (const v1::JobTask& task : spec.tasks()) {
    TW_ASSIGN_OR_RETURN(const Target target, ParseTarget(task.task().target()));
    if (kinds.empty() || kinds.contains(target.kind)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the key \"", spec.key(), "\" is offered for ", absl::StrJoin(kinds, ", "),
                     ", not for ", target.kind, "; `tilewright workers` lists the keys that are"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<Job>> Jobs::Load(const JobRow& row) const {
  v1::JobSpec spec;
  if (!spec.ParseFromString(row.spec)) {
    return absl::DataLossError(absl::StrCat("the spec of job ", row.id, " does not decode"));
  }
  return std::make_shared<Job>(row, std::move(spec), context_);
}

absl::Status Jobs::Resume() {
  TW_RETURN_IF_ERROR(DescribeOldRows());
  TW_ASSIGN_OR_RETURN(const std::vector<JobRow> rows, context_.store.Jobs(/*unfinished=*/true));
  for (const JobRow& row : rows) {
    TW_ASSIGN_OR_RETURN(const std::optional<JobRow> whole, context_.store.FindJob(row.id));
    absl::StatusOr<std::shared_ptr<Job>> job = Load(whole.value_or(row));
    if (!job.ok()) continue;  // it stays in the store for a program that can read it
    (*job)->Start();
    std::lock_guard lock(mutex_);
    jobs_[row.id] = *std::move(job);
  }
  return absl::OkStatus();
}

// Rows of older programs. One at a time: their specs are large. What cannot be stored now is
// described by a later server.
absl::Status Jobs::DescribeOldRows() const {
  TW_ASSIGN_OR_RETURN(const std::vector<JobRow> rows, context_.store.Jobs(/*unfinished=*/false));
  for (const JobRow& row : rows) {
    if (row.tasks > 0) continue;
    TW_ASSIGN_OR_RETURN(std::optional<JobRow> whole, context_.store.FindJob(row.id));
    v1::JobSpec spec;
    if (!whole || !spec.ParseFromString(whole->spec)) continue;
    Describe(spec, &*whole);
    context_.recorder.StoreSteps({}, {*std::move(whole)}, [] {});
    if (!Flush().ok()) break;
  }
  return absl::OkStatus();
}

std::shared_ptr<Job> Jobs::Known(const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto it = jobs_.find(id);
  return it == jobs_.end() ? nullptr : it->second;
}

absl::Status Jobs::CheckQuota(const std::string& owner) const {
  std::lock_guard lock(mutex_);
  long running = 0, of_owner = 0;
  for (const auto& [id, job] : jobs_) {
    if (job->ended()) continue;
    ++running;
    of_owner += job->owner() == owner ? 1 : 0;
  }
  if (running < kMaxRunning && of_owner < kMaxOfOwner) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(running, " jobs are running, ", of_owner, " of them yours; allowed ",
                   kMaxRunning, " and ", kMaxOfOwner, "; cancel one, or try again later"));
}

absl::StatusOr<std::shared_ptr<Job>> Jobs::Submit(const Submission& submission) {
  TW_RETURN_IF_ERROR(CheckSubmission(submission));
  TW_RETURN_IF_ERROR(CheckOffered(submission.spec, context_.dispatcher.Workers()));
  const std::string id = JobId(submission.spec, submission.is_private ? submission.owner : "");
  std::lock_guard submitting(submit_mutex_);
  TW_ASSIGN_OR_RETURN(const std::optional<JobRow> made,
                      context_.store.FindRequest(submission.owner, submission.request));
  if (made && made->id != id) {
    return absl::AlreadyExistsError(
        absl::StrCat("request ", submission.request, " has made another job: ", made->id));
  }
  std::shared_ptr<Job> known = Known(id);
  if (known && (made || !known->ended())) return known;
  // One that has not ended and does not run was stored after its client had been told that it could
  // not be: it begins now.
  if (made && IsEnd(StateOf(made->state))) return Load(*made);
  TW_RETURN_IF_ERROR(CheckQuota(submission.owner));
  return Begin(submission, id);
}

absl::Status Jobs::Flush() const {
  return context_.recorder.Flush(kStoreSeconds) ? absl::OkStatus() : NotStored();
}

// Once: a job that its client was told nothing good of shall not begin later.
absl::Status Jobs::Store(JobStepRow step, const JobRow& row) const {
  const auto status = std::make_shared<absl::Status>();
  const auto tried = std::make_shared<std::promise<void>>();
  const std::shared_future<void> done = tried->get_future().share();
  context_.recorder.StoreJob(std::move(step), row, [status, tried](absl::Status result) {
    *status = std::move(result);
    tried->set_value();
  });
  if (context_.activities.WaitFor(done, kStoreSeconds) && status->ok()) return absl::OkStatus();
  return NotStored();
}

// A new job, or one that ended and goes on.
absl::StatusOr<std::shared_ptr<Job>> Jobs::Begin(const Submission& submission,
                                                 const std::string& id) {
  const double now = context_.clock.UnixTime();
  TW_RETURN_IF_ERROR(Flush());  // its end may still be on the way
  TW_ASSIGN_OR_RETURN(std::optional<JobRow> row, context_.store.FindJob(id));
  uint64_t steps = 0;
  if (row) {
    TW_RETURN_IF_ERROR(context_.store.ForEachStep(id, 1, [&](const JobStepRow& step) {
      steps = step.step;
      return true;
    }));
  } else {
    TW_ASSIGN_OR_RETURN(const int64_t history_end, context_.store.LastId());
    row = JobRow{.id = id, .created = now, .history_end = history_end};
    row->spec = submission.spec.SerializeAsString();
  }
  Describe(submission.spec, &*row);
  row->owner = submission.owner;
  row->request = submission.request;
  row->weight = std::max(1u, submission.weight);
  row->state = WordOf(v1::QUEUED);
  row->message = row->result = "";
  row->changed = now;
  row->trials = row->failures = 0;  // counted by the replay
  JobStepRow queued = EncodeState(row->state, "", 0);
  queued.job = id;
  queued.step = steps + 1;
  TW_RETURN_IF_ERROR(Store(std::move(queued), *row));
  TW_ASSIGN_OR_RETURN(std::shared_ptr<Job> job, Load(*row));
  std::lock_guard lock(mutex_);
  if (suspended_) return absl::UnavailableError("the server is going away; submit it again");
  job->Start();
  jobs_[id] = job;
  // Those of which the store knows that they have ended.
  std::erase_if(jobs_, [&](const auto& entry) { return entry.second->events().ended(); });
  return job;
}

absl::StatusOr<std::shared_ptr<Job>> Jobs::Find(const std::string& id,
                                                const std::string& only_owner) {
  const auto visible = [&](const std::string& owner) {
    return only_owner.empty() || owner == only_owner;
  };
  std::shared_ptr<Job> running = Known(id);
  if (running && visible(running->owner())) return running;
  TW_ASSIGN_OR_RETURN(const std::optional<JobRow> row, context_.store.FindJob(id));
  if (row && visible(row->owner) && IsEnd(StateOf(row->state))) return Load(*row);
  std::vector<std::string> known;
  TW_ASSIGN_OR_RETURN(const std::vector<v1::JobSummary> all, All(only_owner));
  constexpr size_t kMost = 20;
  for (auto it = all.rbegin(); it != all.rend() && known.size() < kMost; ++it) {
    known.push_back(it->job());
  }
  return absl::NotFoundError(absl::StrCat("no job \"", id.substr(0, kMaxName), "\"; known: ",
                                          known.empty() ? "none" : absl::StrJoin(known, ", ")));
}

absl::StatusOr<v1::JobState> Jobs::Cancel(const std::string& id, const std::string& only_owner) {
  TW_ASSIGN_OR_RETURN(const std::shared_ptr<Job> job, Find(id, only_owner));
  if (!job->ended()) {
    job->Cancel();
    context_.activities.WaitFor(job->over(), kStoreSeconds);
  }
  if (!job->ended()) return absl::UnavailableError("the job has not ended yet; try again");
  TW_RETURN_IF_ERROR(Flush());
  return job->state();
}

absl::Status Jobs::SetPaused(const std::string& id, const std::string& only_owner, bool paused) {
  TW_ASSIGN_OR_RETURN(const std::shared_ptr<Job> job, Find(id, only_owner));
  if (!job->ended()) context_.activities.WaitFor(job->replayed(), kStoreSeconds);
  TW_RETURN_IF_ERROR(job->Pause(paused));
  return Flush();
}

std::vector<v1::JobSummary> Jobs::Running() const {
  std::lock_guard lock(mutex_);
  std::vector<v1::JobSummary> running;
  for (const auto& [id, job] : jobs_) {
    if (!job->ended()) running.push_back(job->Summary());
  }
  return running;
}

absl::StatusOr<std::vector<v1::JobSummary>> Jobs::All(const std::string& only_owner) const {
  TW_ASSIGN_OR_RETURN(const std::vector<JobRow> rows, context_.store.Jobs(/*unfinished=*/false));
  std::lock_guard lock(mutex_);
  const size_t first = rows.size() > kMaxListed ? rows.size() - kMaxListed : 0;
  std::vector<v1::JobSummary> all;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!only_owner.empty() && rows[i].owner != only_owner) continue;
    const auto live = jobs_.find(rows[i].id);
    if (live != jobs_.end()) {
      all.push_back(live->second->Summary());
    } else if (i >= first) {
      all.push_back(SummaryOf(rows[i]));
    }
  }
  return all;
}

void Jobs::NoteRevoked(const std::string& job) const {
  std::lock_guard lock(mutex_);
  for (const auto& [id, running] : jobs_) {
    if (job.empty() || job == id) running->NoteRevoked();
  }
}

void Jobs::SuspendAll() {
  std::map<std::string, std::shared_ptr<Job>> jobs;
  {
    std::lock_guard lock(mutex_);
    suspended_ = true;
    jobs.swap(jobs_);
  }
  for (const auto& [id, job] : jobs) job->Suspend();
  for (auto& [id, job] : jobs) job->Wait();
}

}  // namespace tilewright
