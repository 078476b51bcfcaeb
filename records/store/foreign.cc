#include "records/store/foreign.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {

Target ParseAnyTarget(std::string_view text) {
  if (absl::StatusOr<Target> target = ParseTarget(text); target.ok()) return *std::move(target);
  const std::vector<std::string> words = absl::StrSplit(Sv(text), ' ', absl::SkipEmpty());
  Target kept;
  for (size_t i = 1; i < words.size(); ++i) {
    const absl::StatusOr<Target> one = ParseTarget("cpu " + words[i]);
    if (!one.ok()) continue;
    if (!one->mtriple.empty()) kept.mtriple = one->mtriple;
    if (!one->mcpu.empty()) kept.mcpu = one->mcpu;
    if (!one->mattr.empty()) kept.mattr = one->mattr;
    if (!one->model.empty()) kept.model = one->model;
  }
  const std::string kind = words.empty() ? "" : words.front();
  kept.kind = kind == "llvm" ? "cpu" : kind;
  return kept;
}

absl::StatusOr<std::map<std::string, int64_t>> ForeignTemplates(const RecordScan& records) {
  std::map<std::string, int64_t> foreign;
  TW_RETURN_IF_ERROR(records.ForEach({}, [&](const Record& record) {
    if (!record.foreign_args.empty()) ++foreign[record.task.template_name];
    return true;
  }));
  return foreign;
}

}  // namespace tilewright
