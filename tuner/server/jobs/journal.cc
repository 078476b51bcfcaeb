#include "tuner/server/jobs/journal.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_integer.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

using JournalJson = nlohmann::json;
using Kind = TuneStep::Kind;

// Rows decoded at a time, and results read.
constexpr size_t kRowsAtOnce = 512;

JournalJson ToJson(const TuneStep& step) {
  switch (step.kind) {
    case Kind::kStart: return {"s", step.number, step.item, step.index};
    case Kind::kConfirm: return {"c", step.number, step.item, step.index};
    case Kind::kWithdrawn: return {"w", step.number, step.item, step.index};
    case Kind::kUnmeasured: return {"u", step.number, step.measured.fault};
    case Kind::kResult: break;
  }
  const auto* failure = std::get_if<Failure>(&step.measured.outcome);
  if (!failure || !step.measured.worker.empty()) return {"r", step.number};
  return {"f", step.number, NameOf(failure->kind), failure->message};
}

std::string Text(const JournalJson& list) {
  return list.dump(-1, ' ', false, JournalJson::error_handler_t::replace);
}

// Throws what nlohmann throws for a list of another shape.
JournalEntry EntryOf(const JournalJson& list, double seconds) {
  const auto what = list.at(0).get<std::string>();
  if (what == "e") return {.state = list.at(1), .message = list.at(2)};
  TuneStep step{.number = JsonInteger<uint64_t>(list.at(1)), .seconds = seconds};
  if (what == "s" || what == "c" || what == "w") {
    step.kind = what == "s" ? Kind::kStart : what == "c" ? Kind::kConfirm : Kind::kWithdrawn;
    step.item = JsonInteger<size_t>(list.at(2));
    step.index = JsonInteger<uint64_t>(list.at(3));
  } else if (what == "u") {
    step.kind = Kind::kUnmeasured;
    step.measured.fault = list.at(2).get<std::string>();
    step.measured.dropped = step.measured.fault.empty();
  } else {
    step.kind = Kind::kResult;
  }
  if (what == "f") {
    const auto kind = ParseFailureKind(list.at(2).get<std::string>());
    step.measured.outcome =
        Failure{kind.value_or(FailureKind::kUnknown), list.at(3).get<std::string>()};
  }
  return {.step = std::move(step)};
}

}  // namespace

JobStepRow EncodeSteps(std::span<const TuneStep> steps) {
  JournalJson list = JournalJson::array();
  for (const TuneStep& step : steps) list.push_back(ToJson(step));
  return {.seconds = steps.empty() ? 0 : steps.back().seconds, .text = Text(list)};
}

JobStepRow EncodeState(const std::string& state, const std::string& message, double seconds) {
  return {.seconds = seconds, .text = Text(JournalJson::array({{"e", state, message}}))};
}

absl::StatusOr<JournalReader> JournalReader::Open(const RecordStore& store, const std::string& job,
                                                  bool leftover) {
  JournalReader reader(store, job);
  reader.leftover_ = leftover;
  reader.LoadResults();
  TW_RETURN_IF_ERROR(reader.status_);
  return reader;
}

// The next ones, in the order in which they were stored: nearly that in which they are told, so
// few wait to be told however many there are.
void JournalReader::LoadResults() {
  size_t read = 0;
  absl::Status status = store_->ForEachResult(job_, last_result_, [&](JobResult result) {
    last_result_ = result.id;
    // A second one is an extra measurement of a late worker.
    const uint64_t trial = result.trial;
    if (!told_.contains(trial)) results_.try_emplace(trial, std::move(result));
    return ++read < kRowsAtOnce;
  });
  if (!status.ok()) status_ = std::move(status);
  read_all_results_ = !status_.ok() || read < kRowsAtOnce;
}

absl::Status JournalReader::Decode(const JobStepRow& row) {
  last_row_ = row.step;
  seconds_ = row.seconds;
  try {
    for (const JournalJson& list : JournalJson::parse(row.text))
      entries_.push_back(EntryOf(list, row.seconds));
  } catch (const JournalJson::exception& error) {
    return absl::DataLossError(
        absl::StrCat("step ", row.step, " of job ", job_, " does not decode: ", error.what()));
  }
  return absl::OkStatus();
}

bool JournalReader::Load() {
  entries_.clear();
  next_ = 0;
  size_t rows = 0;
  absl::Status status = store_->ForEachStep(job_, last_row_ + 1, [&](const JobStepRow& row) {
    status_ = Decode(row);
    return status_.ok() && ++rows < kRowsAtOnce;
  });
  if (!status.ok()) status_ = std::move(status);
  read_all_ = rows < kRowsAtOnce;
  return status_.ok();
}

Measured JournalReader::TakeResult(uint64_t number) {
  while (!results_.contains(number) && !read_all_results_) LoadResults();
  const auto it = results_.find(number);
  if (it == results_.end()) return {};  // pruned since
  JobResult result = std::move(it->second);
  results_.erase(it);
  told_.insert(number);
  return {.outcome = std::move(result.outcome),
          .device = std::move(result.device),
          .worker = std::move(result.worker),
          .builder = std::move(result.builder),
          .build_seconds = result.build_seconds,
          .run_seconds = result.run_seconds};
}

void JournalReader::Follow(const TuneStep& step) {
  if (step.kind == Kind::kWithdrawn) return;  // it has ended
  const bool starts = step.kind == Kind::kStart || step.kind == Kind::kConfirm;
  if (starts) {
    running_.insert(step.number);
  } else {
    running_.erase(step.number);
  }
  if (step.kind == Kind::kStart) {
    const auto [last, first] = last_of_.try_emplace({step.item, step.index}, step.number);
    if (!first) starts_.erase(std::exchange(last->second, step.number));
    starts_[step.number] = step;
  } else if (const auto start = starts_.find(step.number);
             step.kind == Kind::kResult && start != starts_.end()) {
    last_of_.erase({start->second.item, start->second.index});
    starts_.erase(start);
  }
}

// A trial that ended without its result, which came later; false where that is of no use any more.
bool JournalReader::StartAgain(uint64_t number, JournalEntry* entry) {
  const auto start = starts_.find(number);
  if (start == starts_.end()) return false;
  entry->step = start->second;
  entry->step->seconds = seconds_;
  leftovers_.push_back(*entry->step);
  running_.insert(number);
  return true;
}

// All that were not told, in the order in which they were stored.
void JournalReader::FindLeftovers() {
  while (!read_all_results_) LoadResults();
  for (const auto& [trial, result] : results_) in_order_.push_back(trial);
  std::sort(in_order_.begin(), in_order_.end(),
            [this](uint64_t a, uint64_t b) { return results_.at(a).id < results_.at(b).id; });
}

bool JournalReader::NextLeftover(JournalEntry* entry) {
  if (leftover_ && in_order_.empty()) FindLeftovers();
  while (leftover_ && next_leftover_ < in_order_.size()) {
    const uint64_t number = in_order_[next_leftover_];
    if (results_.contains(number) && !running_.contains(number) && StartAgain(number, entry)) {
      return true;
    }
    ++next_leftover_;
    if (!results_.contains(number) || !running_.contains(number)) continue;
    entry->step = TuneStep{.kind = Kind::kResult,
                           .number = number,
                           .measured = TakeResult(number),
                           .seconds = seconds_};
    leftovers_.push_back(*entry->step);
    return true;
  }
  return false;
}

bool JournalReader::Next(JournalEntry* entry) {
  *entry = {};
  while (status_.ok() && next_ == entries_.size() && !read_all_) Load();
  if (!status_.ok()) return false;
  if (next_ == entries_.size()) return NextLeftover(entry) && status_.ok();
  *entry = std::move(entries_[next_++]);
  if (!entry->step) return true;
  TuneStep& step = *entry->step;
  Follow(step);
  const auto* failure = std::get_if<Failure>(&step.measured.outcome);
  const bool inline_failure = failure && !failure->message.empty();
  if (step.kind == Kind::kResult && !inline_failure) step.measured = TakeResult(step.number);
  return status_.ok();
}

}  // namespace tilewright
