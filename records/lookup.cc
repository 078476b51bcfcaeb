#include "records/lookup.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/gpu_traits.h"
#include "records/best_of_each.h"
#include "records/decision.h"
#include "runtime/device/gpu_models.h"

namespace tilewright {
namespace {

constexpr size_t kMaxNearMisses = 5;
constexpr size_t kMaxReasons = 5;

std::string ShapesText(const Workload& workload) {
  return absl::StrJoin(workload.inputs, ",", [](std::string* out, const TensorType& type) {
    out->append(ToString(type));
  });
}

std::string LayoutsText(const Workload& w) {
  return absl::StrJoin({w.data_layout, w.weight_layout, w.out_layout}, ",");
}

std::string AttrsText(const Workload& workload) {
  return absl::StrJoin(workload.attrs, ";", [](std::string* out, const auto& attr) {
    absl::StrAppend(out, attr.first, "=", absl::StrJoin(attr.second, ","));
  });
}

std::string EpilogueOrNone(const Workload& workload) {
  return workload.epilogue.empty() ? "none" : EpilogueText(workload.epilogue);
}

std::string DefinitionName(const Workload& workload) {
  return workload.definition.substr(0, workload.definition.find(' '));
}

// The fields in which a record differs from what is wanted: "target differs: ...".
std::vector<std::string> Differences(const Record& record, const Workload& wanted,
                                     const Target& target, int threads) {
  const Workload& found = record.task.workload;
  std::vector<std::string> all;
  const auto compare = [&](absl::string_view field, const std::string& a, const std::string& b) {
    if (a != b) all.push_back(absl::StrCat(field, ": ", b));
  };
  compare("target differs", ToString(target), ToString(record.task.target));
  compare("threads differ", absl::StrCat(threads), absl::StrCat(record.threads));
  compare("epilogue differs", EpilogueOrNone(wanted), EpilogueOrNone(found));
  compare("layouts differ", LayoutsText(wanted), LayoutsText(found));
  compare("attributes differ", AttrsText(wanted), AttrsText(found));
  compare("definitions differ", DefinitionName(wanted), DefinitionName(found));
  compare("shapes differ", ShapesText(wanted), ShapesText(found));
  return all;
}

struct Near {
  int64_t count = 0;
  double fastest = 0;
  std::string by;  // the fastest one's template
};

void CountNear(const Record& record, Near* near) {
  const double seconds = MedianSeconds(record.outcome).value_or(0);
  if (near->count++ > 0 && seconds >= near->fastest) return;
  near->fastest = seconds;
  near->by = record.task.template_name;
}

std::string NearText(const std::string& differences, const Near& near) {
  return absl::StrCat(differences, " (", near.count, near.count == 1 ? " record" : " records",
                      ", the fastest ", absl::StrFormat("%.4f", near.fastest * 1e3), " ms by ",
                      Shown(near.by), ")");
}

// Usable records of the operator, by how they differ; the fewest differences first.
absl::StatusOr<std::vector<std::string>> NearMisses(const RecordStore& store,
                                                    const Workload& workload, const Target& target,
                                                    const LookupOptions& options) {
  std::map<std::pair<size_t, std::string>, Near> kinds;
  const RecordFilter filter{.op = workload.op, .only_ok = true, .limit = options.most_scanned};
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    const std::vector<std::string> differences =
        Differences(record, workload, target, options.threads);
    if (!differences.empty()) {
      CountNear(record, &kinds[{differences.size(), absl::StrJoin(differences, "; ")}]);
    }
    return true;
  }));
  std::vector<std::string> nearest;
  for (const auto& [kind, near] : kinds) {
    if (nearest.size() == kMaxNearMisses) break;
    nearest.push_back(NearText(kind.second, near));
  }
  return nearest;
}

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

// The best fit record that the filter admits; `best`: of all that it admits.
absl::StatusOr<std::optional<Record>> FitOf(const RecordStore& store, RecordFilter filter,
                                            std::optional<Record> best, const Task& wanted,
                                            const LookupOptions& options, UnfitRecords* unfit) {
  const auto why_unfit = [&](const Record& record) {
    return options.why_unfit({wanted.workload, record.task.template_name, wanted.target},
                             record.config);
  };
  if (!best || !options.why_unfit || why_unfit(*best).empty()) return best;
  // The rare way: look at all of them.
  filter.only_ok = true;
  std::map<std::string, std::string> known;  // template and config -> why it is unfit
  BestOfEach fit;
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    const std::string key =
        absl::StrCat(record.task.template_name, "|", EntitiesToJson(record.config));
    const auto [why, fresh] = known.try_emplace(key);
    if (fresh) why->second = why_unfit(record);
    why->second.empty() ? fit.Add(record) : Note(record, why->second, unfit);
    return true;
  }));
  std::optional<Record> fastest;
  for (Record& record : fit.Records()) {
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

// The best fit record of the nearest other device, of the same epilogue or any.
absl::Status FallBack(const RecordStore& store, const Task& wanted, const LookupOptions& options,
                      LookupResult* result, UnfitRecords* unfit) {
  for (const Target& other : FallbackTargets(wanted.target)) {
    RecordFilter filter{.target = ToString(other), .anchor_key = AnchorKey(wanted.workload)};
    filter.threads = options.threads;
    TW_ASSIGN_OR_RETURN(std::optional<Record> best, store.Best(filter));
    TW_ASSIGN_OR_RETURN(result->record,
                        FitOf(store, filter, std::move(best), wanted, options, unfit));
    if (!result->record) continue;
    result->how = absl::StrCat("fallback, measured on ", other.model);
    return absl::OkStatus();
  }
  return absl::OkStatus();
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
      if (!options_.device_key.empty()) continue;
      TW_RETURN_IF_ERROR(FallBack(store_, TaskOf(i), options_, &results_[i], &unfit_[i]));
    }
    for (size_t i = 0; i < results_.size(); ++i) results_[i].passed_over = Texts(unfit_[i]);
    return std::move(results_);
  }

 private:
  Task TaskOf(size_t i) const { return {.workload = workloads_[i], .target = target_}; }

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
      TW_ASSIGN_OR_RETURN(results_[i].record, FitOf(store_, filters[k], std::move(bests[k]),
                                                    TaskOf(i), options_, &unfit_[i]));
      results_[i].record ? void(results_[i].how = how) : still_left.push_back(i);
    }
    left_ = std::move(still_left);
    return absl::OkStatus();
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

// Those that the device has no record of, among all devices' records.
absl::Status LookElsewhere(const RecordStore& store, std::span<const Workload> workloads,
                           const Target& target, LookupOptions options,
                           std::vector<LookupResult>* results) {
  std::vector<size_t> places;
  std::vector<Workload> left;
  for (size_t i = 0; i < results->size(); ++i) {
    if ((*results)[i].record) continue;
    places.push_back(i);
    left.push_back(workloads[i]);
  }
  options.device_key.clear();
  TW_ASSIGN_OR_RETURN(std::vector<LookupResult> found, Lookups(store, left, target, options).Run());
  for (size_t k = 0; k < places.size(); ++k) {
    const bool same_target = found[k].record && found[k].record->task.target == target;
    if (same_target) found[k].how += kOfAnotherDevice;
    (*results)[places[k]] = std::move(found[k]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LookupResult> LookupBest(const RecordStore& store, const Workload& workload,
                                        const Target& target, const LookupOptions& options) {
  TW_ASSIGN_OR_RETURN(std::vector<LookupResult> one,
                      LookupEach(store, {&workload, 1}, target, options));
  return std::move(one.front());
}

absl::StatusOr<std::vector<LookupResult>> LookupEach(const RecordStore& store,
                                                     std::span<const Workload> workloads,
                                                     const Target& target,
                                                     const LookupOptions& options) {
  TW_ASSIGN_OR_RETURN(std::vector<LookupResult> results,
                      Lookups(store, workloads, target, options).Run());
  if (!options.device_key.empty()) {
    TW_RETURN_IF_ERROR(LookElsewhere(store, workloads, target, options, &results));
  }
  for (size_t i = 0; options.explain && i < results.size(); ++i) {
    if (IsOfTheWorkload(results[i])) continue;
    TW_ASSIGN_OR_RETURN(results[i].near_misses, NearMisses(store, workloads[i], target, options));
  }
  return results;
}

absl::StatusOr<std::map<std::string, int64_t>> ForeignTemplates(const RecordStore& store) {
  std::map<std::string, int64_t> foreign;
  TW_RETURN_IF_ERROR(store.ForEach({}, [&](const Record& record) {
    if (!record.foreign_args.empty()) ++foreign[record.task.template_name];
    return true;
  }));
  return foreign;
}

}  // namespace tilewright
