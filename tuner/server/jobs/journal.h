// What happens in a job, as the store keeps it: rows of JSON lists, in order. A result is the row
// of its record; only what is in no record is written here.
//   ["s", number, item, index]      a trial starts         ["c", ...] one that confirms a best
//   ["r", number]                   its result, a record   ["f", number, kind, message] without one
//                                   (pruned since: read as a timing without samples)
//   ["u", number, why]              it ends without a result; one that comes later starts it again
//   ["w", number, item, index]      its result is withdrawn, some time after it
//   ["e", state, message]           the job's state changes
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "records/store/record_store.h"
#include "tuner/loop/tune.h"

namespace tilewright {

// A row of `seconds` and `text`; job and step are the caller's.
JobStepRow EncodeSteps(std::span<const TuneStep> steps);
JobStepRow EncodeState(const std::string& state, const std::string& message, double seconds);

// One of the two.
struct JournalEntry {
  std::optional<TuneStep> step;
  std::string state, message;
};

// Reads a job's journal with the results of its trials. Not thread-safe.
class JournalReader {
 public:
  // `store` outlives the reader. With `leftover`, results that are in the records but that no entry
  // tells come at the end, in the order in which they were stored: the server ended before it had
  // written that, or the job was cancelled before they came; then their trials start again, unless
  // another one has their config meanwhile. DataLoss when the journal does not decode.
  static absl::StatusOr<JournalReader> Open(const RecordStore& store, const std::string& job,
                                            bool leftover);

  // False at the end, or after a failure.
  bool Next(JournalEntry* entry);
  // No entry is left.
  bool at_end() const { return read_all_ && next_ == entries_.size(); }
  const absl::Status& status() const { return status_; }
  // Number of the last row that was read, and steps that Next gave and no row tells.
  uint64_t last_row() const { return last_row_; }
  const std::vector<TuneStep>& leftovers() const { return leftovers_; }

 private:
  JournalReader(const RecordStore& store, std::string job) : store_(&store), job_(std::move(job)) {}

  bool Load();
  absl::Status Decode(const JobStepRow& row);
  void Follow(const TuneStep& step);
  bool StartAgain(uint64_t number, JournalEntry* entry);
  void LoadResults();
  void FindLeftovers();
  bool NextLeftover(JournalEntry* entry);
  Measured TakeResult(uint64_t number);

  const RecordStore* store_;
  std::string job_;
  bool leftover_ = false;
  std::map<uint64_t, JobResult> results_;  // that were read, by trial, until they are told
  absl::flat_hash_set<uint64_t> told_;     // trials whose result was
  int64_t last_result_ = 0;                // id of the last one that was read
  bool read_all_results_ = false;
  std::vector<uint64_t> in_order_;       // of the leftovers, trials as they were stored
  std::set<uint64_t> running_;           // started and not ended
  std::map<uint64_t, TuneStep> starts_;  // of searched configs, the last of each, until it is told
  std::map<std::pair<size_t, uint64_t>, uint64_t> last_of_;  // their trials, by task and index
  std::vector<JournalEntry> entries_;                        // decoded, from next_
  size_t next_ = 0, next_leftover_ = 0;
  uint64_t last_row_ = 0;
  double seconds_ = 0;
  bool read_all_ = false;
  std::vector<TuneStep> leftovers_;
  absl::Status status_;
};

}  // namespace tilewright
