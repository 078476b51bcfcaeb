#include "records/lookup/near_misses.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {
namespace {

constexpr size_t kMaxNearMisses = 5;

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
std::vector<std::string> Differences(const Record& record, const Task& task, int threads) {
  const Workload& wanted = task.workload;
  const Workload& found = record.task.workload;
  std::vector<std::string> all;
  const auto compare = [&](absl::string_view field, const std::string& a, const std::string& b) {
    if (a != b) all.push_back(absl::StrCat(field, ": ", b));
  };
  compare("target differs", ToString(task.target), ToString(record.task.target));
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

}  // namespace

absl::StatusOr<std::vector<std::string>> NearMisses(const RecordScan& records, const Task& wanted,
                                                    int threads, int64_t most_scanned) {
  std::map<std::pair<size_t, std::string>, Near> kinds;
  const RecordFilter filter{.op = wanted.workload.op, .only_ok = true, .limit = most_scanned};
  TW_RETURN_IF_ERROR(records.ForEach(filter, [&](const Record& record) {
    const std::vector<std::string> differences = Differences(record, wanted, threads);
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

}  // namespace tilewright
