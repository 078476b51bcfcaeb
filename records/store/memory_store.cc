// A record store without a disk.
#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/status_macros.h"
#include "records/best_of_each.h"
#include "records/store/filter.h"
#include "records/store/record_store.h"

namespace tilewright {
namespace {

class MemoryStore final : public RecordStore {
 public:
  absl::Status Commit(const StoreBatch& batch) override {
    for (const Record& record : batch.records) TW_RETURN_IF_ERROR(CheckRecord(record));
    std::lock_guard lock(mutex_);
    for (const Record& record : batch.records) {
      if (places_.try_emplace(record.run_id, rows_.size()).second) rows_.emplace_back(record);
    }
    for (const Revocation& revocation : batch.revocations) Revoke(revocation);
    for (const JobStepRow& step : batch.steps) steps_[step.job].try_emplace(step.step, step);
    for (const JobRow& job : batch.jobs) {
      const auto same = std::find_if(jobs_.begin(), jobs_.end(),
                                     [&](const JobRow& row) { return row.id == job.id; });
      same == jobs_.end() ? jobs_.push_back(job) : void(*same = job);
    }
    return absl::OkStatus();
  }

  absl::Status ForEach(const RecordFilter& filter,
                       const std::function<bool(const Record&)>& visit) const override {
    int64_t left = filter.limit > 0 ? filter.limit : INT64_MAX;
    // Rows are only added and never move, so the lock is not held while visiting.
    for (size_t i = 0; left > 0 && IsWithin(filter, i); ++i) {
      const KeyedRecord* row = Row(i);
      if (!row) break;
      if (IsRevoked(i) != filter.revoked || !Matches(filter, *row)) continue;
      if (!visit(row->record)) break;
      --left;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Record>> Newest(const RecordFilter& filter,
                                             int64_t count) const override {
    std::deque<Record> newest;
    TW_RETURN_IF_ERROR(ForEach(filter, [&](const Record& record) {
      newest.push_back(record);
      if (static_cast<int64_t>(newest.size()) > count) newest.pop_front();
      return true;
    }));
    return std::vector<Record>(newest.begin(), newest.end());
  }

  absl::StatusOr<std::vector<std::optional<Record>>> Bests(
      std::span<const RecordFilter> filters) const override {
    std::vector<std::optional<Record>> all;
    for (const RecordFilter& filter : filters) {
      TW_ASSIGN_OR_RETURN(all.emplace_back(), Best(filter));
    }
    return all;
  }

  absl::Status ForEachOf(std::span<const RecordFilter> filters,
                         const std::function<void(size_t, const Record&)>& visit) const override {
    for (size_t i = 0; i < filters.size(); ++i) {
      TW_RETURN_IF_ERROR(ForEach(filters[i], [&](const Record& record) {
        visit(i, record);
        return true;
      }));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Record>> Best(const RecordFilter& filter) const override {
    RecordFilter usable = filter;
    usable.only_ok = true;
    std::lock_guard lock(mutex_);
    BestOfEach best_of_each;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const bool seen = revoked_.contains(i) == usable.revoked;
      if (seen && Matches(usable, rows_[i])) best_of_each.Add(rows_[i].record);
    }
    std::optional<Record> best;
    for (Record& record : best_of_each.Records()) {
      if (!best || MedianSeconds(record.outcome) < MedianSeconds(best->outcome)) {
        best = std::move(record);
      }
    }
    return best;
  }

  absl::StatusOr<std::vector<Record>> BestPerWorkload(const RecordFilter& filter) const override {
    BestOfEach best;
    TW_RETURN_IF_ERROR(ForEach(filter, [&](const Record& record) {
      best.Add(record);
      return true;
    }));
    std::vector<Record> all = best.Records();
    const auto key = [](const Record& record) {
      return std::pair(WorkloadKey(record), ToString(record.task.target));
    };
    std::sort(all.begin(), all.end(),
              [&](const Record& a, const Record& b) { return key(a) < key(b); });
    return all;
  }

  absl::StatusOr<int64_t> Count(const RecordFilter& filter) const override {
    std::lock_guard lock(mutex_);
    int64_t count = 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const bool seen = revoked_.contains(i) == filter.revoked;
      count += seen && Matches(filter, rows_[i]) ? 1 : 0;
    }
    return count;
  }

  absl::StatusOr<int64_t> LastId() const override {
    std::lock_guard lock(mutex_);
    return static_cast<int64_t>(rows_.size());
  }

  absl::StatusOr<std::vector<Revocation>> Revocations() const override {
    std::lock_guard lock(mutex_);
    std::vector<Revocation> all;
    for (const auto& [row, revocation] : revoked_) all.push_back(revocation);
    return all;
  }

  absl::StatusOr<std::vector<JobRow>> Jobs(bool unfinished) const override {
    std::lock_guard lock(mutex_);
    std::vector<JobRow> jobs;
    for (const JobRow& job : jobs_) {
      const bool open = job.state == "queued" || job.state == "running" || job.state == "paused";
      if (!open && unfinished) continue;
      jobs.push_back(job);
      jobs.back().spec = jobs.back().result = "";
    }
    return jobs;
  }

  absl::StatusOr<std::optional<JobRow>> FindJob(const std::string& id) const override {
    return Find([&](const JobRow& job) { return job.id == id; });
  }

  absl::StatusOr<std::optional<JobRow>> FindRequest(const std::string& owner,
                                                    const std::string& request) const override {
    return Find([&](const JobRow& job) {
      return job.owner == owner && job.request == request && !request.empty();
    });
  }

  absl::Status ForEachStep(const std::string& job, uint64_t first,
                           const std::function<bool(const JobStepRow&)>& visit) const override {
    std::vector<JobStepRow> steps;
    {
      std::lock_guard lock(mutex_);
      const auto found = steps_.find(job);
      if (found == steps_.end()) return absl::OkStatus();
      for (auto it = found->second.lower_bound(first); it != found->second.end(); ++it) {
        steps.push_back(it->second);
      }
    }
    for (const JobStepRow& step : steps) {
      if (!visit(step)) break;
    }
    return absl::OkStatus();
  }

  absl::Status ForEachResult(const std::string& job, int64_t after,
                             const std::function<bool(JobResult)>& visit) const override {
    // A revoked one too: the job has learned from it.
    for (auto i = static_cast<size_t>(after); const KeyedRecord* row = Row(i); ++i) {
      const Record& record = row->record;
      if (record.trial == 0 || record.job != job) continue;
      const bool more = visit({.id = static_cast<int64_t>(i) + 1,
                               .trial = record.trial,
                               .outcome = record.outcome,
                               .build_seconds = record.build_seconds,
                               .run_seconds = record.run_seconds,
                               .unix_time = record.unix_time,
                               .device = record.device,
                               .worker = record.worker,
                               .builder = record.builder});
      if (!more) break;
    }
    return absl::OkStatus();
  }

 private:
  // Ids count from 1.
  static bool IsWithin(const RecordFilter& filter, size_t i) {
    return filter.max_id == 0 || static_cast<int64_t>(i) < filter.max_id;
  }

  std::optional<JobRow> Find(const std::function<bool(const JobRow&)>& matches) const {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(jobs_.begin(), jobs_.end(), matches);
    return found == jobs_.end() ? std::nullopt : std::optional(*found);
  }

  // Called with the lock held.
  void Revoke(const Revocation& revocation) {
    const auto place = places_.find(revocation.run_id);
    if (place != places_.end()) revoked_.try_emplace(place->second, revocation);
  }

  bool IsRevoked(size_t i) const {
    std::lock_guard lock(mutex_);
    return revoked_.contains(i);
  }

  const KeyedRecord* Row(size_t i) const {
    std::lock_guard lock(mutex_);
    return i < rows_.size() ? &rows_[i] : nullptr;
  }

  mutable std::mutex mutex_;
  std::deque<KeyedRecord> rows_;          // guarded by mutex_; references stay valid
  std::map<std::string, size_t> places_;  // guarded by mutex_; of run ids in rows_
  std::map<size_t, Revocation> revoked_;  // guarded by mutex_; by row
  std::vector<JobRow> jobs_;              // guarded by mutex_
  std::map<std::string, std::map<uint64_t, JobStepRow>> steps_;  // guarded by mutex_; by job
};

}  // namespace

std::unique_ptr<RecordStore> MakeMemoryStore() { return std::make_unique<MemoryStore>(); }

}  // namespace tilewright
