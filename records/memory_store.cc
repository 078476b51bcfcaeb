// A record store without a disk.
#include <deque>
#include <mutex>
#include <set>
#include <utility>

#include "base/status_macros.h"
#include "records/best_of_each.h"
#include "records/filter.h"
#include "records/record_store.h"

namespace tilewright {
namespace {

class MemoryStore final : public RecordStore {
 public:
  absl::Status Append(std::span<const Record> records) override {
    for (const Record& record : records) TW_RETURN_IF_ERROR(CheckRecord(record));
    std::lock_guard lock(mutex_);
    for (const Record& record : records) {
      if (run_ids_.insert(record.run_id).second) rows_.emplace_back(record);
    }
    return absl::OkStatus();
  }

  absl::Status ForEach(const RecordFilter& filter,
                       const std::function<bool(const Record&)>& visit) const override {
    int64_t left = filter.limit > 0 ? filter.limit : INT64_MAX;
    // Rows are only added and never move, so the lock is not held while visiting.
    for (size_t i = 0; left > 0; ++i) {
      const KeyedRecord* row = Row(i);
      if (!row) break;
      if (!Matches(filter, *row)) continue;
      if (!visit(row->record)) break;
      --left;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Record>> Best(const RecordFilter& filter) const override {
    RecordFilter usable = filter;
    usable.only_ok = true;
    std::lock_guard lock(mutex_);
    BestOfEach best_of_each;
    for (const KeyedRecord& row : rows_) {
      if (Matches(usable, row)) best_of_each.Add(row.record);
    }
    std::optional<Record> best;
    for (Record& record : best_of_each.Records()) {
      if (!best || MedianSeconds(record.outcome) < MedianSeconds(best->outcome)) {
        best = std::move(record);
      }
    }
    return best;
  }

  absl::StatusOr<int64_t> Count(const RecordFilter& filter) const override {
    std::lock_guard lock(mutex_);
    int64_t count = 0;
    for (const KeyedRecord& row : rows_) count += Matches(filter, row) ? 1 : 0;
    return count;
  }

 private:
  const KeyedRecord* Row(size_t i) const {
    std::lock_guard lock(mutex_);
    return i < rows_.size() ? &rows_[i] : nullptr;
  }

  mutable std::mutex mutex_;
  std::deque<KeyedRecord> rows_;   // guarded by mutex_; references stay valid
  std::set<std::string> run_ids_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<RecordStore> MakeMemoryStore() { return std::make_unique<MemoryStore>(); }

}  // namespace tilewright
