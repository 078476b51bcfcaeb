#include "records/lookup.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr size_t kMaxNearMisses = 5;
constexpr int64_t kMaxScanned = 100'000;

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

// The fields in which a record differs from what is wanted: "target differs: ...".
std::vector<std::string> Differences(const Record& record, const Workload& wanted,
                                     const Target& target) {
  const Workload& found = record.task.workload;
  std::vector<std::string> all;
  const auto compare = [&](absl::string_view field, const std::string& a, const std::string& b) {
    if (a != b) all.push_back(absl::StrCat(field, ": ", b));
  };
  compare("target differs", ToString(target), ToString(record.task.target));
  compare("epilogue differs", EpilogueOrNone(wanted), EpilogueOrNone(found));
  compare("layouts differ", LayoutsText(wanted), LayoutsText(found));
  compare("attributes differ", AttrsText(wanted), AttrsText(found));
  compare("shapes differ", ShapesText(wanted), ShapesText(found));
  return all;
}

// Usable records of the operator, by how they differ; the fewest differences first.
absl::StatusOr<std::vector<std::string>> NearMisses(const RecordStore& store,
                                                    const Workload& workload,
                                                    const Target& target) {
  std::map<std::pair<size_t, std::string>, int64_t> kinds;
  const RecordFilter filter{.op = workload.op, .only_ok = true, .limit = kMaxScanned};
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    const std::vector<std::string> differences = Differences(record, workload, target);
    if (!differences.empty()) {
      ++kinds[{differences.size(), absl::StrJoin(differences, "; ")}];
    }
    return true;
  }));
  std::vector<std::string> nearest;
  for (const auto& [kind, count] : kinds) {
    if (nearest.size() == kMaxNearMisses) break;
    nearest.push_back(
        absl::StrCat(kind.second, " (", count, count == 1 ? " record)" : " records)"));
  }
  return nearest;
}

}  // namespace

absl::StatusOr<LookupResult> LookupBest(const RecordStore& store, const Workload& workload,
                                        const Target& target, bool explain) {
  LookupResult result;
  RecordFilter exact{.workload_key = workload.Key(), .target = ToString(target)};
  TW_ASSIGN_OR_RETURN(result.record, store.Best(exact));
  result.how = result.record ? "exact" : "none";
  if (!result.record) {
    const RecordFilter anchor{.target = exact.target, .anchor_key = AnchorKey(workload)};
    TW_ASSIGN_OR_RETURN(result.record, store.Best(anchor));
    if (result.record) result.how = "other epilogue";
  }
  if (explain && result.how != "exact") {
    TW_ASSIGN_OR_RETURN(result.near_misses, NearMisses(store, workload, target));
  }
  return result;
}

}  // namespace tilewright
