#include "records/lookup/lookup.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/gpu_traits.h"
#include "records/best_of_each.h"
#include "records/lookup/decision.h"
#include "records/lookup/near_misses.h"
#include "runtime/device/gpu_models.h"

namespace tilewright {
namespace {

constexpr size_t kMaxReasons = 5;

// Records that would match but are unfit, by template and reason.
struct Unfit {
  int64_t count = 0;
  double fastest = 0;
};
using UnfitRecords = std::map<std::pair<std::string, std::string>, Unfit>;

void Note(const Record& record, const std::string& why, UnfitRecords* unfit) {
  Unfit& row = (*unfit)[{record.task.template_name, why}];
  const double seconds = MedianSeconds(record.outcome).value_or(0);
  row.fastest = row.count == 0 ? seconds : std::min(row.fastest, seconds);
  ++row.count;
}

std::vector<std::string> Texts(const UnfitRecords& unfit) {
  std::vector<std::string> texts;
  for (const auto& [kind, row] : unfit) {
    if (texts.size() == kMaxReasons) break;
    texts.push_back(
        absl::StrCat(row.count, row.count == 1 ? " record of " : " records of ", Shown(kind.first),
                     row.count == 1 ? " is" : " are", " not used, the fastest of ",
                     absl::StrFormat("%.4f", row.fastest * 1e3), " ms: ", Shown(kind.second)));
  }
  return texts;
}

std::optional<Record> FastestOf(std::vector<Record> records) {
  std::optional<Record> fastest;
  for (Record& record : records) {
    if (!fastest || *MedianSeconds(record.outcome) < *MedianSeconds(fastest->outcome)) {
      fastest = std::move(record);
    }
  }
  return fastest;
}

// The targets of other devices whose records serve this one, the best first: AutoTVM's, which name
// a model and no architecture.
std::vector<Target> FallbackTargets(const Target& target) {
  std::vector<Target> targets;
  if (!IsGpu(target)) return targets;
  const Target bare{.kind = target.kind, .model = target.model};
  if (!target.model.empty() && bare != target) targets.push_back(bare);
  if (target.kind != "cuda") return targets;
  for (const runtime::GpuModel& model : runtime::ModelsByNearness(target.mcpu)) {
    if (model.name == target.model) continue;
    targets.push_back({.kind = target.kind, .model = std::string(model.name)});
  }
  return targets;
}

// Of several workloads among the records of options.device_key; "" = of all devices and of models
// near the target's. Each way is tried for those that the ways before have left.
class Lookups {
 public:
  Lookups(const RecordStore& store, std::span<const Workload> workloads, const Target& target,
          const LookupOptions& options)
      : store_(store),
        workloads_(workloads),
        target_(target),
        options_(options),
        results_(workloads.size()),
        unfit_(workloads.size()) {}

  absl::StatusOr<std::vector<LookupResult>> Run() {
    TW_RETURN_IF_ERROR(Decide());
    TW_RETURN_IF_ERROR(TakeBests("exact", [](const Workload& workload) {
      return RecordFilter{.workload_key = workload.Key()};
    }));
    TW_RETURN_IF_ERROR(TakeBests("other epilogue", [](const Workload& workload) {
      return RecordFilter{.anchor_key = AnchorKey(workload)};
    }));
    for (const size_t i : left_) {
      results_[i].how = "none";
      if (options_.device_key.empty()) TW_RETURN_IF_ERROR(FallBack(i));
    }
    for (size_t i = 0; i < results_.size(); ++i) results_[i].passed_over = Texts(unfit_[i]);
    return std::move(results_);
  }

 private:
  absl::Status Decide() {
    TW_ASSIGN_OR_RETURN(std::vector<std::optional<Record>> decided,
                        DecidedRecords(store_, workloads_, target_, options_));
    for (size_t i = 0; i < decided.size(); ++i) {
      if (!decided[i]) {
        left_.push_back(i);
        continue;
      }
      const bool by_network = decided[i]->record_class == kInNetworkClass;
      results_[i].how = by_network ? "in the network" : "exact";
      results_[i].record = std::move(decided[i]);
    }
    return absl::OkStatus();
  }

  absl::Status TakeBests(const std::string& how, RecordFilter (*filter_of)(const Workload&)) {
    std::vector<RecordFilter> filters;
    for (const size_t i : left_) {
      RecordFilter& filter = filters.emplace_back(filter_of(workloads_[i]));
      filter.target = ToString(target_);
      filter.device_key = options_.device_key;
      filter.threads = options_.threads;
    }
    TW_ASSIGN_OR_RETURN(std::vector<std::optional<Record>> bests, store_.Bests(filters));
    std::vector<size_t> still_left;
    for (size_t k = 0; k < left_.size(); ++k) {
      const size_t i = left_[k];
      unfit_[i].clear();  // those of this way are among the next one's
      TW_ASSIGN_OR_RETURN(results_[i].record, FitOf(i, filters[k], std::move(bests[k])));
      results_[i].record ? void(results_[i].how = how) : still_left.push_back(i);
    }
    left_ = std::move(still_left);
    return absl::OkStatus();
  }

  // The best fit record of the nearest other device, of the same epilogue or any.
  absl::Status FallBack(size_t i) {
    for (const Target& other : FallbackTargets(target_)) {
      RecordFilter filter{.target = ToString(other), .anchor_key = AnchorKey(workloads_[i])};
      filter.threads = options_.threads;
      TW_ASSIGN_OR_RETURN(std::optional<Record> best, store_.Best(filter));
      TW_ASSIGN_OR_RETURN(results_[i].record, FitOf(i, filter, std::move(best)));
      if (!results_[i].record) continue;
      results_[i].how = absl::StrCat("fallback, measured on ", other.model);
      return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // The best fit record that the filter admits; `best`: of all that it admits.
  absl::StatusOr<std::optional<Record>> FitOf(size_t i, RecordFilter filter,
                                              std::optional<Record> best) {
    if (!best || !options_.why_unfit || WhyUnfit(i, *best).empty()) return best;
    // The rare way: look at all of them.
    filter.only_ok = true;
    std::map<std::string, std::string> known;  // template and config -> why it is unfit
    BestOfEach fit;
    TW_RETURN_IF_ERROR(store_.ForEach(filter, [&](const Record& record) {
      const std::string key =
          absl::StrCat(record.task.template_name, "|", EntitiesToJson(record.config));
      const auto [why, fresh] = known.try_emplace(key);
      if (fresh) why->second = WhyUnfit(i, record);
      why->second.empty() ? fit.Add(record) : Note(record, why->second, &unfit_[i]);
      return true;
    }));
    return FastestOf(fit.Records());
  }

  std::string WhyUnfit(size_t i, const Record& record) const {
    return options_.why_unfit({workloads_[i], record.task.template_name, target_}, record.config);
  }

  const RecordStore& store_;
  const std::span<const Workload> workloads_;
  const Target& target_;
  const LookupOptions& options_;
  std::vector<LookupResult> results_;
  std::vector<UnfitRecords> unfit_;
  std::vector<size_t> left_;  // without a record so far
};

// Nothing could be nearer.
bool IsOfTheWorkload(const LookupResult& result) {
  return result.how.starts_with("in the network") || result.how.starts_with("exact");
}

std::vector<size_t> WithoutRecord(const std::vector<LookupResult>& results) {
  std::vector<size_t> places;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].record) places.push_back(i);
  }
  return places;
}

// Whatever device the records are of.
absl::StatusOr<std::vector<LookupResult>> AmongAllDevices(const RecordStore& store,
                                                          std::span<const Workload> workloads,
                                                          const Target& target,
                                                          LookupOptions options) {
  options.device_key.clear();
  TW_ASSIGN_OR_RETURN(std::vector<LookupResult> found,
                      Lookups(store, workloads, target, options).Run());
  for (LookupResult& result : found) {
    if (result.record && result.record->task.target == target) result.how += kOfAnotherDevice;
  }
  return found;
}

}  // namespace

absl::StatusOr<std::vector<LookupResult>> LookupEach(const RecordStore& store,
                                                     std::span<const Workload> workloads,
                                                     const Target& target,
                                                     const LookupOptions& options) {
  TW_ASSIGN_OR_RETURN(std::vector<LookupResult> results,
                      Lookups(store, workloads, target, options).Run());
  if (!options.device_key.empty()) {
    const std::vector<size_t> left = WithoutRecord(results);
    std::vector<Workload> workloads_left;
    for (const size_t i : left) workloads_left.push_back(workloads[i]);
    TW_ASSIGN_OR_RETURN(std::vector<LookupResult> elsewhere,
                        AmongAllDevices(store, workloads_left, target, options));
    for (size_t k = 0; k < left.size(); ++k) results[left[k]] = std::move(elsewhere[k]);
  }
  for (size_t i = 0; options.explain && i < results.size(); ++i) {
    if (IsOfTheWorkload(results[i])) continue;
    const Task wanted{.workload = workloads[i], .target = target};
    TW_ASSIGN_OR_RETURN(results[i].near_misses,
                        NearMisses(store, wanted, options.threads, options.most_scanned));
  }
  return results;
}

}  // namespace tilewright
