// A store that does what another one does, for tests that change something of it.
#pragma once

#include "records/store/record_store.h"

namespace tilewright {

class ForwardingStore : public RecordStore {
 public:
  // `to` outlives this.
  explicit ForwardingStore(RecordStore& to) : to_(to) {}

  absl::Status Commit(const StoreBatch& batch) override { return to_.Commit(batch); }
  absl::Status ForEach(const RecordFilter& filter,
                       const std::function<bool(const Record&)>& visit) const override {
    return to_.ForEach(filter, visit);
  }
  absl::StatusOr<std::vector<Record>> Newest(const RecordFilter& filter,
                                             int64_t count) const override {
    return to_.Newest(filter, count);
  }
  absl::StatusOr<std::optional<Record>> Best(const RecordFilter& filter) const override {
    return to_.Best(filter);
  }
  absl::StatusOr<std::vector<std::optional<Record>>> Bests(
      std::span<const RecordFilter> filters) const override {
    return to_.Bests(filters);
  }
  absl::Status ForEachOf(std::span<const RecordFilter> filters,
                         const std::function<void(size_t, const Record&)>& visit) const override {
    return to_.ForEachOf(filters, visit);
  }
  absl::StatusOr<std::vector<Record>> BestPerWorkload(const RecordFilter& filter) const override {
    return to_.BestPerWorkload(filter);
  }
  absl::StatusOr<int64_t> Count(const RecordFilter& filter) const override {
    return to_.Count(filter);
  }
  absl::StatusOr<int64_t> LastId() const override { return to_.LastId(); }
  absl::StatusOr<std::vector<Revocation>> Revocations() const override { return to_.Revocations(); }
  absl::StatusOr<std::vector<JobRow>> Jobs(bool unfinished) const override {
    return to_.Jobs(unfinished);
  }
  absl::StatusOr<std::optional<JobRow>> FindJob(const std::string& id) const override {
    return to_.FindJob(id);
  }
  absl::StatusOr<std::optional<JobRow>> FindRequest(const std::string& owner,
                                                    const std::string& request) const override {
    return to_.FindRequest(owner, request);
  }
  absl::Status ForEachStep(const std::string& job, uint64_t first,
                           const std::function<bool(const JobStepRow&)>& visit) const override {
    return to_.ForEachStep(job, first, visit);
  }
  absl::Status ForEachResult(const std::string& job, int64_t after,
                             const std::function<bool(JobResult)>& visit) const override {
    return to_.ForEachResult(job, after, visit);
  }

 private:
  RecordStore& to_;
};

}  // namespace tilewright
