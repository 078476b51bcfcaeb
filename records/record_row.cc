#include "records/record_row.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/workload_rules.h"
#include "records/foreign.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

// Every column but the id, in the order of BindRecord.
constexpr const char* kColumns[] = {
    "run_id",       "workload",      "anchor",     "op",           "inputs",       "attrs",
    "data_layout",  "weight_layout", "out_layout", "epilogue",     "template",     "target",
    "target_kind",  "target_triple", "target_cpu", "target_attr",  "target_model", "config",
    "config_index", "outcome",       "message",    "samples",      "median",       "build_seconds",
    "run_seconds",  "unix_time",     "device_key", "device",       "worker",       "job",
    "seed",         "software",      "class",      "foreign_args", "foreign_line", "trial",
    "threads"};

// What ReadRecord needs: the keys hold the workload and the target exactly.
constexpr const char* kRead[] = {
    "run_id",     "workload",     "template",    "target",        "config",      "config_index",
    "outcome",    "message",      "samples",     "build_seconds", "run_seconds", "unix_time",
    "device_key", "device",       "worker",      "job",           "seed",        "software",
    "class",      "foreign_args", "foreign_line"};

// Schema version that brought the column `trial`.
constexpr int64_t kWithTrial = 2;
// Version that brought `threads`; before, all kernels were timed with one.
constexpr int64_t kWithThreads = 3;

std::string InputsJson(const Workload& workload) {
  Json list = Json::array();
  for (const TensorType& input : workload.inputs) list.push_back(ToString(input));
  return list.dump();
}

std::string SamplesJson(const Outcome& outcome) {
  const auto* timing = std::get_if<Timing>(&outcome);
  return timing ? Json(timing->seconds).dump() : "[]";
}

int BindTask(const Record& record, SqliteStatement& insert, int at) {
  const Workload& workload = record.task.workload;
  const Target& target = record.task.target;
  for (const std::string& text :
       {WorkloadKey(record), AnchorKey(record), workload.op, InputsJson(workload),
        Json(workload.attrs).dump(), workload.data_layout, workload.weight_layout,
        workload.out_layout, EpilogueText(workload.epilogue), record.task.template_name,
        ToString(target), target.kind, target.mtriple, target.mcpu, target.mattr, target.model}) {
    insert.Bind(at++, text);
  }
  return at;
}

int BindOutcome(const Record& record, SqliteStatement& insert, int at) {
  const auto* failure = std::get_if<Failure>(&record.outcome);
  insert.Bind(at++, failure ? NameOf(failure->kind) : std::string_view("ok"));
  insert.Bind(at++, failure ? std::string_view(failure->message) : std::string_view());
  insert.Bind(at++, SamplesJson(record.outcome));
  if (const std::optional<double> median = MedianSeconds(record.outcome)) {
    insert.Bind(at++, *median);
  } else {
    insert.BindNull(at++);
  }
  return at;
}

absl::StatusOr<Workload> ReadWorkload(const std::string& key, const std::string& template_name,
                                      bool foreign) {
  if (foreign) return Workload{.op = template_name};
  return ParseWorkload(key);
}

absl::Status Damaged(const std::string& run_id, const absl::Status& why) {
  return absl::DataLossError(
      absl::StrCat("record \"", run_id, "\" does not decode: ", why.message()));
}

// (condition, value) of each filter field that is set.
std::vector<std::pair<const char*, std::string_view>> Conditions(const RecordFilter& filter) {
  std::vector<std::pair<const char*, std::string_view>> all = {
      {"workload = ?", filter.workload_key},
      {"anchor = ?", filter.anchor_key},
      {"template = ?", filter.template_name},
      {"target = ?", filter.target},
      {"device_key = ?", filter.device_key},
      {"job = ? AND job <> ''", filter.job},
      {"op = ?", filter.op},
      {"class = ?", filter.record_class},
      {"instr(workload, ?) > 0", filter.workload_substring}};
  std::erase_if(all, [](const auto& condition) { return condition.second.empty(); });
  return all;
}

}  // namespace

absl::StatusOr<Outcome> ReadOutcome(const std::string& kind, const std::string& message,
                                    const std::string& samples) {
  if (kind != "ok") {
    // A newer program may know more kinds.
    return Failure{ParseFailureKind(kind).value_or(FailureKind::kUnknown), message};
  }
  const Json list = Json::parse(samples, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return absl::DataLossError(absl::StrCat("samples \"", samples, "\""));
  Timing timing;
  for (const Json& sample : list) {
    if (!sample.is_number()) return absl::DataLossError(absl::StrCat("samples ", samples));
    timing.seconds.push_back(sample.get<double>());
  }
  return timing;
}

std::string InsertSql() {
  const std::string marks = absl::StrJoin(std::vector<std::string>(std::size(kColumns), "?"), ",");
  return absl::StrCat("INSERT INTO record (", absl::StrJoin(kColumns, ","), ") VALUES (", marks,
                      ") ON CONFLICT (run_id) DO NOTHING");
}

void BindRecord(const Record& record, SqliteStatement& insert) {
  int at = 1;
  insert.Bind(at++, record.run_id);
  at = BindTask(record, insert, at);
  insert.Bind(at++, EntitiesToJson(record.config));
  insert.Bind(at++, static_cast<int64_t>(record.index));
  at = BindOutcome(record, insert, at);
  for (double time : {record.build_seconds, record.run_seconds, record.unix_time}) {
    insert.Bind(at++, time);
  }
  for (const std::string* text :
       {&record.device_key, &record.device, &record.worker, &record.job}) {
    insert.Bind(at++, *text);
  }
  insert.Bind(at++, static_cast<int64_t>(record.seed));
  for (const std::string* text :
       {&record.software, &record.record_class, &record.foreign_args, &record.foreign_line}) {
    insert.Bind(at++, *text);
  }
  insert.Bind(at++, static_cast<int64_t>(record.trial));
  insert.Bind(at++, int64_t{record.threads});
}

std::string SelectedColumns(int64_t schema_version) {
  return absl::StrCat("id, ", absl::StrJoin(kRead, ", "),
                      schema_version >= kWithTrial ? ", trial" : ", 0",
                      schema_version >= kWithThreads ? ", threads" : ", 1");
}

absl::StatusOr<Record> ReadRecord(const SqliteStatement& row) {
  Record record;
  record.run_id = row.Text(1);
  record.task.template_name = row.Text(3);
  record.foreign_args = row.Text(20);
  record.foreign_line = row.Text(21);
  absl::StatusOr<Workload> workload =
      ReadWorkload(row.Text(2), row.Text(3), !record.foreign_args.empty());
  if (!workload.ok()) return Damaged(record.run_id, workload.status());
  absl::StatusOr<Config> config = ParseEntitiesJson(row.Text(5));
  if (!config.ok()) return Damaged(record.run_id, config.status());
  absl::StatusOr<Outcome> outcome = ReadOutcome(row.Text(7), row.Text(8), row.Text(9));
  if (!outcome.ok()) return Damaged(record.run_id, outcome.status());
  record.task.workload = *std::move(workload);
  record.task.target = ParseAnyTarget(row.Text(4));
  record.config = *std::move(config);
  record.index = static_cast<uint64_t>(row.Int(6));
  record.outcome = *std::move(outcome);
  record.build_seconds = row.Real(10);
  record.run_seconds = row.Real(11);
  record.unix_time = row.Real(12);
  record.device_key = row.Text(13);
  record.device = row.Text(14);
  record.worker = row.Text(15);
  record.job = row.Text(16);
  record.seed = static_cast<uint64_t>(row.Int(17));
  record.software = row.Text(18);
  record.record_class = row.Text(19);
  record.trial = static_cast<uint64_t>(row.Int(22));
  record.threads = static_cast<int>(row.Int(23));
  return record;
}

std::string WhereSql(const RecordFilter& filter, int64_t schema_version) {
  std::string sql = " WHERE 1";
  int at = 1;
  for (const auto& [condition, value] : Conditions(filter)) {
    const std::string parameter = absl::StrCat("?", at++);
    absl::StrAppend(&sql, " AND ", absl::StrReplaceAll(condition, {{"?", parameter}}));
  }
  if (filter.only_ok) {
    absl::StrAppend(&sql, " AND median IS NOT NULL AND class IN ('ok', 'late', 'imported')");
  }
  if (filter.threads > 0) {
    const char* column = schema_version >= kWithThreads ? "threads" : "1";
    absl::StrAppend(&sql, " AND ", column, " = ", filter.threads);
  }
  if (filter.max_id > 0) absl::StrAppend(&sql, " AND id <= ", filter.max_id);
  return sql + " ";
}

void BindFilter(const RecordFilter& filter, SqliteStatement& statement) {
  int at = 1;
  for (const auto& [condition, value] : Conditions(filter)) statement.Bind(at++, value);
}

}  // namespace tilewright
