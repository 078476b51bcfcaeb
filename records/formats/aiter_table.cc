// aiter's tables of tuned matrix products: lines of values separated by commas, named by the first,
// of which these count: gfx, M, N, K, dtype, outdtype, bias, libtype, kernelName, splitK and us.
// Tables of 8-bit floats have no dtype: they are refused by their heading.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/workload_rules.h"
#include "records/formats/import_format.h"
#include "records/run_id.h"

namespace tilewright {
namespace {

constexpr const char* kNeeded[] = {"gfx",  "M",       "N",          "K",      "dtype", "outdtype",
                                   "bias", "libtype", "kernelName", "splitK", "us"};

class AiterReader final : public LineReader {
 public:
  absl::StatusOr<std::vector<Record>> Read(std::string_view line) override {
    const std::vector<absl::string_view> values =
        absl::StrSplit(absl::StripAsciiWhitespace(Sv(line)), ',');
    if (columns_.empty()) {
      TW_RETURN_IF_ERROR(ReadHeading(values));
      return std::vector<Record>{};
    }
    if (values.size() != count_) {
      return NotRead("another number of values than the heading's", absl::StrCat(values.size()));
    }
    TW_ASSIGN_OR_RETURN(Record record, RecordOf(values));
    record.run_id = RunIdOfText(line);
    TW_RETURN_IF_ERROR(CheckImported(line, record));
    return std::vector<Record>{std::move(record)};
  }

 private:
  absl::Status ReadHeading(const std::vector<absl::string_view>& names) {
    std::map<std::string, size_t> columns;
    for (const char* name : kNeeded) {
      const auto at = std::find(names.begin(), names.end(), name);
      if (at == names.end()) return NotRead("a column that is missing from the heading", name);
      columns[name] = static_cast<size_t>(at - names.begin());
    }
    columns_ = std::move(columns);
    count_ = names.size();
    return absl::OkStatus();
  }

  absl::StatusOr<Workload> WorkloadOf(const std::vector<absl::string_view>& values) const {
    const auto value = [&](const char* name) { return values[columns_.at(name)]; };
    absl::string_view type = value("dtype");
    if (value("outdtype") != type) return NotRead("an output of another type", value("outdtype"));
    if (!absl::ConsumePrefix(&type, "torch.")) return NotRead("no element type", type);
    const std::string key =
        absl::StrCat("dense(", type, "[", value("M"), ",", value("K"), "],", type, "[", value("N"),
                     ",", value("K"), "];,NK,)", value("bias") == "True" ? "+bias" : "");
    absl::StatusOr<Workload> workload = ParseWorkload(key);
    if (!workload.ok()) return NotRead("no dense layer", workload.status().message());
    const absl::Status sound = CheckWorkload(*workload);
    if (!sound.ok()) return NotRead("no dense layer", sound.message());
    return workload;
  }

  absl::StatusOr<Record> RecordOf(const std::vector<absl::string_view>& values) const {
    const auto value = [&](const char* name) { return std::string(values[columns_.at(name)]); };
    TW_ASSIGN_OR_RETURN(const Workload workload, WorkloadOf(values));
    int64_t split_k = 0;
    double microseconds = 0;
    if (!absl::SimpleAtod(value("us"), &microseconds)) return NotRead("no time", value("us"));
    if (!absl::SimpleAtoi(value("splitK"), &split_k)) return NotRead("no splitK", value("splitK"));
    const Target target{.kind = "rocm", .mcpu = value("gfx")};
    return Record{.task = {workload, "aiter." + value("libtype"), target},
                  .config = {{{"kernel", OtherEntity{value("kernelName")}},
                              {"split_k", OtherEntity{split_k}}}},
                  .outcome = Timing{{microseconds * 1e-6}},
                  .device = value("gfx"),
                  .software = "aiter",
                  .record_class = "imported"};
  }

  std::map<std::string, size_t> columns_;
  size_t count_ = 0;  // of the heading's names
};

}  // namespace

std::unique_ptr<LineReader> ReadAiterTable(const std::string&) {
  return std::make_unique<AiterReader>();
}

}  // namespace tilewright
