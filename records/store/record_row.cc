#include "records/store/record_row.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/workload_rules.h"
#include "records/store/foreign.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

// Every column but the id, in the order of RecordBinder::Bind.
constexpr const char* kColumns[] = {
    "run_id",       "workload",      "anchor",     "op",           "inputs",       "attrs",
    "data_layout",  "weight_layout", "out_layout", "epilogue",     "template",     "target",
    "target_kind",  "target_triple", "target_cpu", "target_attr",  "target_model", "config",
    "config_index", "outcome",       "message",    "samples",      "median",       "build_seconds",
    "run_seconds",  "unix_time",     "device_key", "device",       "worker",       "job",
    "seed",         "software",      "class",      "foreign_args", "foreign_line", "trial",
    "threads",      "builder"};

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
// Version that brought revocations.
constexpr int64_t kWithRevocations = 6;
// Version that brought who withdrew a record.
constexpr int64_t kWithRevoker = 7;

// Parameters of the filter's numbers.
constexpr int kBelow = kFirstFree - 1, kSince = kFirstFree - 2, kBefore = kFirstFree - 3;

constexpr char kBuilder[] = "builder";

constexpr size_t kMostParsed = 4096;  // workloads, and targets, that a reader or binder keeps

std::string InputsJson(const Workload& workload) {
  Json list = Json::array();
  for (const TensorType& input : workload.inputs) list.push_back(ToString(input));
  return list.dump();
}

std::string SamplesJson(const Outcome& outcome) {
  std::string text = "[";
  const auto* timing = std::get_if<Timing>(&outcome);
  for (const double seconds : timing ? timing->seconds : std::vector<double>()) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof(digits), seconds).ptr;
    absl::StrAppend(&text, text.size() > 1 ? "," : "", absl::string_view(digits, end - digits));
  }
  return text + "]";
}

int BindOutcome(const Record& record, SqlStatement& insert, int at) {
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

// SamplesJson read back, by hand: most of reading many records would be a JSON parser's work.
std::optional<std::vector<double>> ReadSamples(const std::string& text) {
  const bool is_list = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  if (!is_list) return std::nullopt;
  std::vector<double> samples;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  while (at < end) {
    const auto [next, error] = std::from_chars(at, end, samples.emplace_back());
    const bool last = next == end;
    if (error != std::errc() || !std::isfinite(samples.back())) return std::nullopt;
    if (!last && (*next != ',' || next + 1 == end)) return std::nullopt;
    at = last ? end : next + 1;
  }
  return samples;
}

absl::Status Damaged(const std::string& run_id, const absl::Status& why) {
  return absl::DataLossError(
      absl::StrCat("record \"", run_id, "\" does not decode: ", why.message()));
}

// How a text of a row is compared; $1 is the filter's.
constexpr char kEqual[] = "$0 = $1";
constexpr SqlDialect kAny = {.equal = kEqual, .contains = kEqual};  // for those who only bind

struct Condition {
  const char* pattern;
  const char* column;
  std::string_view value;
};

// Of each text of the filter that is set.
std::vector<Condition> Conditions(const RecordFilter& filter, const SqlDialect& dialect) {
  std::vector<Condition> all = {
      {dialect.equal, "workload", filter.workload_key},
      {dialect.equal, "anchor", filter.anchor_key},
      {kEqual, "template", filter.template_name},
      {dialect.equal, "target", filter.target},
      {kEqual, "device_key", filter.device_key},
      {"$0 = $1 AND $0 <> ''", "job", filter.job},
      {kEqual, "op", filter.op},
      {kEqual, "class", filter.record_class == kInNetworkClass ? "" : filter.record_class},
      {dialect.equal, "config", filter.config},
      {kEqual, "run_id", filter.run_id},
      {kEqual, "worker", filter.worker},
      {kEqual, kBuilder, filter.builder},
      {dialect.contains, "workload", filter.workload_substring}};
  std::erase_if(all, [](const Condition& condition) { return condition.value.empty(); });
  return all;
}

const char* RevokedSql(bool revoked, int64_t schema_version) {
  if (schema_version < kWithRevocations) return revoked ? " AND false" : "";
  return revoked ? " AND id IN (SELECT record FROM revocation)"
                 : " AND id NOT IN (SELECT record FROM revocation)";
}

}  // namespace

absl::StatusOr<Outcome> ReadOutcome(const std::string& kind, const std::string& message,
                                    const std::string& samples) {
  if (kind != "ok") {
    // A newer program may know more kinds.
    return Failure{ParseFailureKind(kind).value_or(FailureKind::kUnknown), message};
  }
  std::optional<std::vector<double>> seconds = ReadSamples(samples);
  if (!seconds) return absl::DataLossError(absl::StrCat("samples \"", Shown(samples), "\""));
  return Timing{*std::move(seconds)};
}

const RecordBinder::WorkloadTexts& RecordBinder::TextsOf(const std::string& key,
                                                         const Record& record) {
  if (const auto known = texts_.find(key); known != texts_.end()) return known->second;
  if (texts_.size() >= kMostParsed) texts_.clear();
  const Workload& workload = record.task.workload;
  return texts_
      .emplace(key, WorkloadTexts{.anchor = AnchorKey(record),
                                  .inputs = InputsJson(workload),
                                  .attrs = Json(workload.attrs).dump(),
                                  .epilogue = EpilogueText(workload.epilogue)})
      .first->second;
}

int RecordBinder::BindTask(const Record& record, SqlStatement& insert, int at) {
  const Workload& workload = record.task.workload;
  const Target& target = record.task.target;
  const std::string key = WorkloadKey(record), target_text = ToString(target);
  const WorkloadTexts& texts = TextsOf(key, record);
  for (const std::string* text :
       {&key, &texts.anchor, &workload.op, &texts.inputs, &texts.attrs, &workload.data_layout,
        &workload.weight_layout, &workload.out_layout, &texts.epilogue, &record.task.template_name,
        &target_text, &target.kind, &target.mtriple, &target.mcpu, &target.mattr, &target.model}) {
    insert.Bind(at++, *text);
  }
  return at;
}

std::string InsertSql() {
  const std::string marks = absl::StrJoin(std::vector<std::string>(std::size(kColumns), "?"), ",");
  return absl::StrCat("INSERT INTO record (", absl::StrJoin(kColumns, ","), ") VALUES (", marks,
                      ") ON CONFLICT (run_id) DO NOTHING");
}

void RecordBinder::Bind(const Record& record, SqlStatement& insert) {
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
  insert.Bind(at++, record.builder);
}

std::string RevokeSql() {
  return "INSERT INTO revocation (record, reason, unix_time, by_whom) SELECT id, ?2, ?3, ?4 "
         "FROM record WHERE run_id = ?1 ON CONFLICT (record) DO NOTHING";
}

void BindRevocation(const Revocation& revocation, SqlStatement& insert) {
  insert.Bind(1, revocation.run_id);
  insert.Bind(2, revocation.reason);
  insert.Bind(3, revocation.unix_time);
  insert.Bind(4, revocation.by);
}

std::string SelectRevocationsSql(int64_t schema_version) {
  if (schema_version < kWithRevocations) return "SELECT '', '', 0.0, '' WHERE false";
  const char* by = schema_version < kWithRevoker ? "''" : "by_whom";
  return absl::StrCat("SELECT run_id, reason, revocation.unix_time, ", by,
                      " FROM revocation JOIN record ON id = record ORDER BY record");
}

Revocation ReadRevocation(const SqlStatement& row) {
  return {
      .run_id = row.Text(0), .reason = row.Text(1), .unix_time = row.Real(2), .by = row.Text(3)};
}

std::string SelectedColumns(int64_t schema_version) {
  return absl::StrCat("id, ", absl::StrJoin(kRead, ", "),
                      schema_version >= kWithTrial ? ", trial" : ", 0",
                      schema_version >= kWithThreads ? ", threads" : ", 1",
                      schema_version >= kWithBuilders ? ", builder" : ", ''");
}

absl::StatusOr<Workload> RecordReader::WorkloadOf(const std::string& key) {
  if (const auto known = workloads_.find(key); known != workloads_.end()) return known->second;
  TW_ASSIGN_OR_RETURN(Workload workload, ParseWorkload(key));
  if (workloads_.size() >= kMostParsed) workloads_.clear();
  return workloads_.emplace(key, std::move(workload)).first->second;
}

const Target& RecordReader::TargetOf(const std::string& text) {
  if (const auto known = targets_.find(text); known != targets_.end()) return known->second;
  if (targets_.size() >= kMostParsed) targets_.clear();
  return targets_.emplace(text, ParseAnyTarget(text)).first->second;
}

absl::StatusOr<Record> RecordReader::Read(const SqlStatement& row) {
  Record record;
  record.run_id = row.Text(1);
  record.task.template_name = row.Text(3);
  record.foreign_args = row.Text(20);
  record.foreign_line = row.Text(21);
  absl::StatusOr<Workload> workload = record.foreign_args.empty()
                                          ? WorkloadOf(row.Text(2))
                                          : Workload{.op = record.task.template_name};
  if (!workload.ok()) return Damaged(record.run_id, workload.status());
  absl::StatusOr<Config> config = ParseEntitiesJson(row.Text(5));
  if (!config.ok()) return Damaged(record.run_id, config.status());
  absl::StatusOr<Outcome> outcome = ReadOutcome(row.Text(7), row.Text(8), row.Text(9));
  if (!outcome.ok()) return Damaged(record.run_id, outcome.status());
  record.task.workload = *std::move(workload);
  record.task.target = TargetOf(row.Text(4));
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
  record.builder = row.Text(24);
  return record;
}

std::string WhereSql(const RecordFilter& filter, const SqlSchema& schema) {
  std::string sql = " WHERE true";
  int at = 1;
  for (const Condition& condition : Conditions(filter, schema.dialect)) {
    const std::string parameter = absl::StrCat("?", at++);
    const bool missing = condition.column == kBuilder && schema.version < kWithBuilders;
    absl::StrAppend(&sql, " AND ");
    absl::SubstituteAndAppend(&sql, condition.pattern, missing ? "''" : condition.column,
                              parameter);
  }
  if (filter.only_ok) {
    absl::StrAppend(&sql, " AND median IS NOT NULL AND class IN ('ok', 'late', 'imported')");
  }
  if (filter.threads > 0) {
    const char* column = schema.version >= kWithThreads ? "threads" : "1";
    absl::StrAppend(&sql, " AND ", column, " = ", filter.threads);
  }
  // Spelled out, because an index of one class serves only queries that name it.
  if (filter.record_class == kInNetworkClass) absl::StrAppend(&sql, " AND class = 'in_network'");
  if (filter.below > 0) absl::StrAppend(&sql, " AND median < ?", kBelow);
  if (filter.since > 0) absl::StrAppend(&sql, " AND unix_time >= ?", kSince);
  if (filter.before > 0) absl::StrAppend(&sql, " AND unix_time < ?", kBefore);
  if (filter.max_id > 0) absl::StrAppend(&sql, " AND id <= ", filter.max_id);
  return absl::StrCat(sql, RevokedSql(filter.revoked, schema.version), " ");
}

void BindFilter(const RecordFilter& filter, SqlStatement& statement) {
  int at = 1;
  for (const Condition& condition : Conditions(filter, kAny)) {
    statement.Bind(at++, condition.value);
  }
  if (filter.below > 0) statement.Bind(kBelow, filter.below);
  if (filter.since > 0) statement.Bind(kSince, filter.since);
  if (filter.before > 0) statement.Bind(kBefore, filter.before);
}

}  // namespace tilewright
