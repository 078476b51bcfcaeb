#include "records/formats/tophub.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "records/best_of_each.h"
#include "records/formats/autotvm_log.h"
#include "records/formats/autotvm_templates.h"
#include "records/formats/python_json.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

// The record as AutoTVM's: keyed by its template's name and AutoTVM's arguments, so that
// BestOfEach compares what AutoTVM's look-ups compare.
absl::StatusOr<Record> AsForeign(Record record) {
  if (!record.foreign_args.empty()) return record;
  TW_ASSIGN_OR_RETURN(const Json args,
                      AutoTvmArgs(record.task.template_name, record.task.workload));
  record.foreign_args = PythonJson(args);
  record.task.workload = Workload{.op = record.task.template_name};
  return record;
}

std::string SoftwareOf(const Record& record) {
  return std::string(absl::StripPrefix(record.software, "tvm "));
}

// REQUIRES: the record is foreign and timed.
std::string RowOf(const Record& record) {
  if (!record.foreign_line.empty()) return record.foreign_line;
  std::string target = ToString(record.task.target);
  if (record.task.target.kind == "cpu") target = absl::StrCat("llvm", target.substr(3));
  const double cost = MedianSeconds(record.outcome).value_or(0);
  const Json result = {Json::array({cost}), 0, record.build_seconds + record.run_seconds,
                       record.unix_time};
  return absl::StrCat(
      "{\"input\": [", PythonJson(target), ", ", PythonJson(record.task.template_name), ", ",
      record.foreign_args, ", {}], \"config\": {\"index\": ", record.index,
      ", \"code_hash\": null, \"entity\": ", PythonJson(Json::parse(EntitiesToJson(record.config))),
      "}, \"result\": ", PythonJson(result),
      ", \"version\": 0.2, \"tvm_version\": ", PythonJson(SoftwareOf(record)), "}");
}

}  // namespace

absl::StatusOr<std::string> TopHubRow(const Record& record) {
  TW_ASSIGN_OR_RETURN(const Record foreign, AsForeign(record));
  return RowOf(foreign);
}

absl::StatusOr<TopHubReport> ExportTopHub(const RecordScan& records, const std::string& kind,
                                          RecordFilter filter, std::ostream& out) {
  TopHubReport report;
  BestOfEach best;
  filter.only_ok = true;
  const std::string ours = kind == "llvm" ? "cpu" : kind;
  TW_RETURN_IF_ERROR(records.ForEach(filter, [&](const Record& record) {
    if (record.task.target.kind != ours) return true;
    const absl::StatusOr<Record> foreign = AsForeign(record);
    if (foreign.ok()) {
      best.Add(*foreign);
    } else {
      ++report.left_out[absl::StrCat(record.task.template_name, ": ", foreign.status().message())];
    }
    return true;
  }));
  out << "# TopHub package for " << kind << ", written by tilewright\n";
  for (const Record& record : best.Records()) {
    out << RowOf(record) << '\n';
    ++report.rows;
  }
  if (!out.flush()) return absl::InternalError("cannot write the log");
  return report;
}

}  // namespace tilewright
