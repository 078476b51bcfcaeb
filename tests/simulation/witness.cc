#include "tests/simulation/witness.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/network.h"
#include "tuner/loop/tuning.h"
#include "tuner/server/jobs/journal.h"

namespace tilewright {
namespace {

// What an event tells of what happened; when and how long is not known of what is told again.
std::string Essence(const v1::JobEvent& event) {
  const v1::TrialEvent& trial = event.trial();
  return absl::StrCat(v1::JobState_Name(event.state()), "|", event.message(), "|",
                      trial.task_index(), "|", trial.number(), "|", trial.total_number(), "|",
                      trial.seconds(), "|", trial.failure());
}

// Nothing is measured, and no time passes, while a journal is followed.
class NoDevice final : public Measurer {
 public:
  void Measure(const MeasureRequest&, Done) override {}
  size_t PreferredInFlight() const override { return 0; }
};

}  // namespace

void Witness::Violate(const std::string& what) {
  violations_.push_back(what);
  world_.Tell("VIOLATION " + what);
}

size_t Witness::events() const {
  size_t count = 0;
  for (const auto& [job, events] : events_) count += events.size();
  return count;
}

// ---- promises ----------------------------------------------------------------------------------

void Witness::OnSubmitted(const std::string& job) {
  jobs_.insert(job);
  cancelled_.erase(job);  // it goes on
  paused_.erase(job);
}

void Witness::OnPaused(const std::string& job, bool paused) {
  paused ? (void)paused_.insert(job) : (void)paused_.erase(job);
}

void Witness::OnEvent(const std::string& job, const v1::JobEvent& event) {
  std::vector<std::string>& told = events_[job];
  const std::string essence = Essence(event);
  const uint64_t number = event.sequence();
  if (number == told.size() + 1) {
    told.push_back(essence);
  } else if (number == 0 || number > told.size()) {
    Violate(absl::StrCat("event ", number, " of ", job, " came after ", told.size()));
  } else if (told[number - 1] != essence) {
    Violate(absl::StrCat("event ", number, " of ", job, " was ", told[number - 1], " and is ",
                         essence));
  }
}

// ---- looks -------------------------------------------------------------------------------------

void Witness::CheckStore(const RecordStore& store) {
  std::set<std::string> there;
  for (const bool revoked : {false, true}) {
    const absl::Status read = store.ForEach({.revoked = revoked}, [&](const Record& record) {
      const std::string& id = record.run_id;
      if (!there.insert(id).second) Violate("record " + id + " is there twice");
      if (!revoked && withdrawn_.contains(id)) Violate("record " + id + " was withdrawn");
      return true;
    });
    if (!read.ok()) Violate(absl::StrCat("the store cannot be read: ", read.message()));
  }
  for (const std::string& run_id : recorded_) {
    if (!there.contains(run_id)) Violate("record " + run_id + " was acknowledged and is lost");
  }
  const auto rows = store.Jobs(/*unfinished=*/false);
  std::map<std::string, std::string> states;
  if (rows.ok()) {
    for (const JobRow& row : *rows) states[row.id] = row.state;
  }
  for (const std::string& job : jobs_) {
    if (!states.contains(job)) Violate("job " + job + " was acknowledged and is lost");
  }
  for (const std::string& job : paused_) {
    if (states[job] == "running" || states[job] == "queued") {
      Violate("job " + job + " was paused, and is " + states[job]);
    }
  }
  for (const std::string& job : cancelled_) {
    if (states.contains(job) && !IsEnd(StateOf(states[job]))) {
      Violate("job " + job + " was cancelled, and is " + states[job]);
    }
  }
}

void Witness::CheckEnd(Farm& farm, const RecordStore& store) {
  CheckStore(store);
  const auto rows = store.Jobs(/*unfinished=*/false);
  if (!rows.ok()) return Violate(absl::StrCat("no jobs: ", rows.status().message()));
  for (const JobRow& row : *rows) {
    const auto whole = store.FindJob(row.id);
    if (!whole.ok() || !*whole) return Violate("job " + row.id + " is listed and not there");
    CheckJob(farm, store, **whole);
  }
}

void Witness::CheckJob(Farm& farm, const RecordStore& store, const JobRow& row) {
  if (!jobs_.contains(row.id)) return;  // stored, but its client was told otherwise or is gone
  if (!IsEnd(StateOf(row.state))) {
    return Violate(absl::StrCat("job ", row.id, " has not ended: ", row.state, " ", row.message));
  }
  if (row.state == "failed" && row.message.empty()) {
    Violate("job " + row.id + " failed without a reason");
  }
  CheckJournal(store, row);
  CheckMeasuredAgain(store, row);
  CheckSearch(store, row);
  CheckEvents(farm, row.id);
  CheckNetwork(store, row);
}

// Each trial counts at most once, and only what has started ends. What ended without a result
// starts again when that comes after all.
void Witness::CheckJournal(const RecordStore& store, const JobRow& row) {
  absl::StatusOr<JournalReader> reader = JournalReader::Open(store, row.id, /*leftover=*/false);
  if (!reader.ok())
    return Violate(absl::StrCat("journal of ", row.id, ": ", reader.status().message()));
  std::set<uint64_t> running, counted;
  for (JournalEntry entry; reader->Next(&entry);) {
    if (!entry.step) continue;
    const TuneStep& step = *entry.step;
    const std::string trial = absl::StrCat("trial ", step.number, " of ", row.id);
    if (step.kind == TuneStep::Kind::kWithdrawn) {
      if (!counted.contains(step.number)) Violate(trial + " is withdrawn before its result");
      continue;
    }
    if (step.kind == TuneStep::Kind::kStart || step.kind == TuneStep::Kind::kConfirm) {
      if (!running.insert(step.number).second) Violate(trial + " starts twice");
      if (counted.contains(step.number)) Violate(trial + " starts after its result");
      continue;
    }
    if (running.erase(step.number) == 0) Violate(trial + " ends before it starts");
    if (step.kind == TuneStep::Kind::kResult && !counted.insert(step.number).second) {
      Violate(trial + " counts twice");
    }
    const auto* timing = std::get_if<Timing>(&step.measured.outcome);
    if (step.kind == TuneStep::Kind::kResult && timing && timing->seconds.empty()) {
      Violate(trial + " counts without its record");
    }
  }
  if (!reader->status().ok())
    Violate(absl::StrCat("journal of ", row.id, ": ", reader->status().message()));
  if (counted.size() != row.trials) {
    Violate(
        absl::StrCat("job ", row.id, " has ", counted.size(), " results and counts ", row.trials));
  }
}

// What was withdrawn was measured again, in a job that ended by its trials.
void Witness::CheckMeasuredAgain(const RecordStore& store, const JobRow& row) {
  v1::JobSpec spec;
  if (!spec.ParseFromString(row.spec) || row.state != "done") return;
  if (spec.time_seconds() > 0 || spec.early_stopping() > 0) return;
  absl::StatusOr<JournalReader> reader = JournalReader::Open(store, row.id, /*leftover=*/false);
  if (!reader.ok()) return;  // told by CheckJournal
  using Point = std::pair<size_t, uint64_t>;
  std::map<uint64_t, Point> trials;  // by number
  std::set<Point> wanted;
  for (JournalEntry entry; reader->Next(&entry);) {
    if (!entry.step) continue;
    const TuneStep& step = *entry.step;
    const Point point = {step.item, step.index};
    switch (step.kind) {
      case TuneStep::Kind::kStart: wanted.erase(point); [[fallthrough]];
      case TuneStep::Kind::kConfirm: trials[step.number] = point; break;
      case TuneStep::Kind::kResult: wanted.erase(trials[step.number]); break;  // it ran already
      case TuneStep::Kind::kUnmeasured: break;
      case TuneStep::Kind::kWithdrawn: wanted.insert(point), ++withdrawals_; break;
    }
  }
  for (const auto& [item, index] : wanted) {
    Violate(absl::StrCat("job ", row.id, " did not measure point ", index, " of task ", item,
                         " again, whose result was withdrawn"));
  }
}

// Of what other jobs measured nothing was revoked: a search begins with it, so that with less of it
// another life's is another search.
bool Witness::IsHistoryWhole(const RecordStore& store, const JobRow& row) {
  bool whole = true;
  const RecordFilter filter{.revoked = true, .max_id = row.history_end};
  const absl::Status read = store.ForEach(filter, [&](const Record& record) {
    whole = record.job == row.id;
    return whole;
  });
  return read.ok() && (whole || row.history_end == 0);
}

// The search of all lives is the one that a job without any fault makes of the same results in the
// same order.
void Witness::CheckSearch(const RecordStore& store, const JobRow& row) {
  v1::JobSpec spec;
  if (!spec.ParseFromString(row.spec)) return Violate("the spec of " + row.id + " is lost");
  auto tasks = MakeJobTasks(spec, row, store, /*with_searchers=*/true);
  absl::StatusOr<JournalReader> reader = JournalReader::Open(store, row.id, /*leftover=*/false);
  if (!tasks.ok() || !reader.ok()) return Violate("job " + row.id + " cannot be followed");
  TuneJob job = MakeTuneJob(spec, *tasks);
  job.callbacks.diverged = [&](const std::string& what) {
    if (!IsHistoryWhole(store, row)) return;
    Violate(absl::StrCat("the search of ", row.id, " is another after a restart: ", what));
  };
  job.replay = [&](TuneStep* step) {
    for (JournalEntry entry; reader->Next(&entry);) {
      if (!entry.step) continue;
      *step = *std::move(entry.step);
      return true;
    }
    return false;
  };
  NoDevice device;
  Tuning(std::move(job), device, world_).Replay();
}

void Witness::CheckEvents(Farm& farm, const std::string& id) {
  const absl::StatusOr<std::shared_ptr<Job>> job = farm.jobs().Find(id, "");
  if (!job.ok()) return Violate(absl::StrCat("job ", id, ": ", job.status().message()));
  v1::JobState last = v1::JOB_STATE_UNSPECIFIED;
  const absl::Status told = (*job)->Retell(1, [&](const v1::JobEvent& event) {
    OnEvent(id, event);
    last = event.state();
    return true;
  });
  if (!IsEnd(last)) Violate("the last event of " + id + " is not its end");
  if (!told.ok()) Violate(absl::StrCat("events of ", id, ": ", told.message()));
}

// The workloads of each decision of the job, by its time.
std::map<double, std::set<std::string>> Witness::DecisionsOf(const RecordStore& store,
                                                             const std::string& job) {
  std::map<double, std::set<std::string>> decisions;
  const RecordFilter filter{.job = job, .record_class = kInNetworkClass};
  const absl::Status read = store.ForEach(filter, [&](const Record& record) {
    const std::string workload = record.task.workload.Key();
    if (!decisions[record.unix_time].insert(workload).second) {
      Violate(absl::StrCat("job ", job, " has decided twice about ", workload));
    }
    return true;
  });
  if (!read.ok()) Violate(absl::StrCat("decisions of ", job, ": ", read.message()));
  return decisions;
}

// What was decided in the whole network is recorded as it is told: all layers or none. A life whose
// last word was lost may have decided before.
void Witness::CheckNetwork(const RecordStore& store, const JobRow& row) {
  v1::JobEvent last;
  if (!last.ParseFromString(row.result)) return Violate("the end of " + row.id + " is lost");
  const v1::NetworkResult result = ReadNetworkResult(last.network());
  const bool is_decided = result.layers_size() > 0;
  if (row.state == "done" && is_decided == !result.left_out().empty()) {
    Violate("job " + row.id + " does not say what became of its network");
  }
  std::set<std::string> told;
  for (const v1::NetworkGain& layer : result.layers()) told.insert(layer.workload());
  const auto decisions = DecisionsOf(store, row.id);
  const auto is_told = [&](const auto& decision) { return decision.second == told; };
  if (is_decided && std::none_of(decisions.begin(), decisions.end(), is_told)) {
    Violate("what job " + row.id + " has decided is not recorded");
  }
  networks_ += is_decided;
}

}  // namespace tilewright
