#include "records/formats/autotvm_log.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json_depth.h"
#include "base/json_integer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "records/formats/autotvm_args.h"
#include "records/formats/autotvm_templates.h"
#include "records/formats/python_json.h"
#include "records/run_id.h"
#include "records/store/foreign.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 32;
constexpr size_t kMostWorkloads = 4096;  // that an encoder keeps
constexpr double kFailedCost = 1e9;      // AutoTVM's cost of a failure
constexpr double kMostSeconds = std::numeric_limits<double>::max();

// What an exception says after its own name, "[json.exception.parse_error.101] ".
std::string WithoutName(std::string_view what) {
  const size_t end = what.starts_with('[') ? what.find("] ") : what.npos;
  return Shown(end == what.npos ? what : what.substr(end + 2));
}

absl::Status Bad(absl::string_view reason, absl::string_view detail) {
  return absl::InvalidArgumentError(absl::StrCat(reason, ": ", detail));
}

// AutoTVM calls our "cpu" "llvm".
std::string TargetText(const Target& target) {
  const std::string text = ToString(target);
  return target.kind == "cpu" ? absl::StrCat("llvm", text.substr(3)) : text;
}

std::string EntityText(const Entity& entity) {
  const auto numbers = [](absl::string_view kind, const std::vector<int64_t>& list) {
    return absl::StrCat("\"", kind, "\", [", absl::StrJoin(list, ", "), "]");
  };
  if (const auto* split = std::get_if<SplitEntity>(&entity)) return numbers("sp", split->sizes);
  if (const auto* order = std::get_if<ReorderEntity>(&entity)) return numbers("re", order->order);
  if (const auto* ann = std::get_if<AnnotateEntity>(&entity)) {
    return absl::StrCat("\"an\", ", PythonJson(ann->annotations));
  }
  const auto& other = std::get<OtherEntity>(entity);
  if (const auto* text = std::get_if<std::string>(&other)) {
    return absl::StrCat("\"ot\", ", PythonString(*text));
  }
  const auto* flag = std::get_if<bool>(&other);
  if (flag == nullptr) return absl::StrCat("\"ot\", ", std::get<int64_t>(other));
  return absl::StrCat("\"ot\", ", *flag ? "true" : "false");
}

// EntitiesToJson as json.dumps writes it.
std::string EntitiesText(const Config& config) {
  const auto append = [](std::string* out, const auto& entity) {
    absl::StrAppend(out, "[", PythonString(entity.first), ", ", EntityText(entity.second), "]");
  };
  return absl::StrCat("[", absl::StrJoin(config.entities, ", ", append), "]");
}

// What both formats say.
struct LogFields {
  std::string target, name;
  Json args, entities, result;
  uint64_t index = 0;
  std::string software;
};

// The parts of a line that are lists.
struct LineLists {
  absl::string_view args, entities, result;
};

std::string LineText(const LogFields& fields, const LineLists& lists, absl::string_view more) {
  return absl::StrCat(
      "{\"input\": [", PythonString(fields.target), ", ", PythonString(fields.name), ", ",
      lists.args, ", {}], \"config\": {\"index\": ", fields.index,
      ", \"code_hash\": null, \"entity\": ", lists.entities, "}, \"result\": ", lists.result,
      ", \"version\": 0.2, \"tvm_version\": ", PythonString(fields.software), more, "}");
}

// As json.dumps writes what was read.
std::string LineOf(const LogFields& fields) {
  const std::string args = PythonJson(fields.args), entities = PythonJson(fields.entities);
  return LineText(fields, {args, entities, PythonJson(fields.result)}, "");
}

std::string ResultText(const Record& record) {
  const auto* timing = std::get_if<Timing>(&record.outcome);
  const auto append = [](std::string* out, double number) { *out += PythonFloat(number); };
  const std::vector<double> costs = timing ? timing->seconds : std::vector<double>{kFailedCost};
  const double seconds = std::min(record.build_seconds + record.run_seconds, kMostSeconds);
  return absl::StrCat("[[", absl::StrJoin(costs, ", ", append), "], ",
                      AutoTvmErrorNo(record.outcome), ", ", PythonFloat(seconds), ", ",
                      PythonFloat(record.unix_time), "]");
}

// The member that AutoTVM ignores.
std::string ExtrasOf(const Record& record) {
  const auto* failure = std::get_if<Failure>(&record.outcome);
  std::string builder;
  if (!record.builder.empty()) {
    builder = absl::StrCat("\"builder\": ", PythonString(record.builder), ", ");
  }
  return absl::StrCat(", \"tilewright\": {", builder,
                      "\"class\": ", PythonString(record.record_class),
                      ", \"device\": ", PythonString(record.device),
                      ", \"device_key\": ", PythonString(record.device_key),
                      ", \"job\": ", PythonString(record.job),
                      ", \"message\": ", failure ? PythonString(failure->message) : "\"\"",
                      ", \"run_id\": ", PythonString(record.run_id), ", \"seconds\": [",
                      PythonFloat(record.build_seconds), ", ", PythonFloat(record.run_seconds),
                      "], \"seed\": ", record.seed, ", \"threads\": ", record.threads,
                      ", \"worker\": ", PythonString(record.worker), "}");
}

FailureKind KindOf(int error_no) {
  // 3 is a device compiler's failure; ours have one kind for both compilers.
  if (error_no == 3) return FailureKind::kBuild;
  for (int kind = 0; kind < static_cast<int>(FailureKind::kUnknown); ++kind) {
    const Failure failure{.kind = static_cast<FailureKind>(kind)};
    if (AutoTvmErrorNo(failure) == error_no) return failure.kind;
  }
  return FailureKind::kUnknown;
}

void ReadResult(const Json& result, Record* record) {
  const int error_no = JsonInteger<int>(result.at(1));
  if (error_no == 0) {
    record->outcome = Timing{result.at(0).get<std::vector<double>>()};
  } else {
    record->outcome = Failure{.kind = KindOf(error_no)};
  }
  record->run_seconds = result.at(2).get<double>();
  record->unix_time = result.at(3).get<double>();
}

void ReadExtras(const Json& extras, Record* record) {
  record->record_class = extras.at("class").get<std::string>();
  record->device = extras.at("device").get<std::string>();
  record->device_key = extras.at("device_key").get<std::string>();
  record->job = extras.at("job").get<std::string>();
  record->run_id = extras.at("run_id").get<std::string>();
  record->build_seconds = extras.at("seconds").at(0).get<double>();
  record->run_seconds = extras.at("seconds").at(1).get<double>();
  record->seed = JsonInteger<uint64_t>(extras.at("seed"));
  const Json one_thread = 1;  // lines of older programs have none
  record->threads = JsonInteger<int>(extras.contains("threads") ? extras["threads"] : one_thread);
  record->worker = extras.at("worker").get<std::string>();
  record->builder = extras.value("builder", "");
  if (auto* failure = std::get_if<Failure>(&record->outcome)) {
    failure->message = extras.at("message").get<std::string>();
  }
}

LogFields ReadV2(const Json& row) {
  const Json& input = row.at("input");
  const Json& config = row.at("config");
  return {.target = input.at(0).get<std::string>(),
          .name = TodaysName(input.at(1).get<std::string>()),
          .args = input.at(2),
          .entities = config.at("entity"),
          .result = row.at("result"),
          .index = JsonInteger<uint64_t>(config.at("index")),
          .software = row.value("tvm_version", "unknown")};
}

LogFields ReadV1(const Json& row) {
  const Json& input = row.at("i");
  const Json& config = input.at(5);
  const std::string target = input.at(0).get<std::string>();
  Json args = input.at(2);
  std::string name =
      UpgradeTask(target, input.at(1).get<std::string>(), config.value("t", ""), &args);
  return {.target = target,
          .name = std::move(name),
          .args = std::move(args),
          .entities = config.at("e"),
          .result = row.at("r"),
          .index = JsonInteger<uint64_t>(config.at("i")),
          .software = "0.4-0.6"};
}

absl::StatusOr<Config> ReadConfig(const Json& entities) {
  absl::StatusOr<Config> config = ParseEntitiesJson(entities.dump());
  if (!config.ok()) return Bad("a broken entity", config.status().message());
  std::set<std::string_view> seen;
  for (const auto& [knob, entity] : config->entities) {
    if (!seen.insert(knob).second) return Bad("knob given twice", Shown(knob));
  }
  return config;
}

absl::StatusOr<Record> RecordOf(const LogFields& fields) {
  Record record{.index = fields.index, .record_class = "imported"};
  if (!fields.args.is_array()) return Bad("arguments", "they are no list");
  TW_ASSIGN_OR_RETURN(record.config, ReadConfig(fields.entities));
  TW_ASSIGN_OR_RETURN(std::optional<Workload> workload, WorkloadOfArgs(fields.args));
  if (!workload) workload = WorkloadOfAutoTvm(fields.name, fields.args).workload;
  record.task.template_name = fields.name;
  record.task.target = ParseAnyTarget(fields.target);
  if (workload) {
    UpgradeConfig(fields.name, &record.config);
    record.task.workload = *std::move(workload);
  } else {
    record.task.workload.op = fields.name;
    record.foreign_args = PythonJson(fields.args);
  }
  ReadResult(fields.result, &record);
  record.software = absl::StrCat("tvm ", fields.software);
  return record;
}

absl::StatusOr<Record> Decode(std::string_view line) {
  const Json row = Json::parse(line);
  if (!row.is_object()) return Bad("no record", "the line is no JSON object");
  const bool old = row.contains("v");
  const double version = row.at(old ? "v" : "version").get<double>();
  if (version != (old ? 0.1 : 0.2)) {
    return Bad("another format version", absl::StrCat(version, "; known: 0.1, 0.2"));
  }
  const LogFields fields = old ? ReadV1(row) : ReadV2(row);
  TW_ASSIGN_OR_RETURN(Record record, RecordOf(fields));
  const bool renamed = !old && fields.name != row.at("input").at(1).get<std::string>();
  const std::string text = old || renamed ? LineOf(fields) : std::string(line);
  record.run_id = RunIdOfText(text);
  if (!record.foreign_args.empty()) {
    record.foreign_line = text;
  } else if (row.contains("tilewright")) {
    ReadExtras(row.at("tilewright"), &record);
    record.software = fields.software;
  }
  const absl::Status sound = CheckRecord(record);
  if (!sound.ok()) return Bad("a value out of range", sound.message());
  return record;
}

}  // namespace

absl::StatusOr<std::string> EncodeLogLine(const Record& record) {
  return LogEncoder().Encode(record);
}

absl::StatusOr<const std::string*> LogEncoder::ArgsText(const Workload& workload) {
  const std::string key = workload.Key();
  if (const auto known = args_.find(key); known != args_.end()) return &known->second;
  TW_ASSIGN_OR_RETURN(const Json args, ArgsOfWorkload(workload));
  if (args_.size() >= kMostWorkloads) args_.clear();
  return &args_.emplace(key, PythonJson(args)).first->second;
}

absl::StatusOr<std::string> LogEncoder::Encode(const Record& record) {
  if (!record.foreign_line.empty()) return record.foreign_line;
  LogFields fields{.target = TargetText(record.task.target),
                   .name = record.task.template_name,
                   .index = record.index,
                   .software = record.software};
  TW_ASSIGN_OR_RETURN(const std::string* args, ArgsText(record.task.workload));
  return LineText(fields, {*args, EntitiesText(record.config), ResultText(record)},
                  ExtrasOf(record));
}

absl::StatusOr<Record> DecodeLogLine(std::string_view line) {
  if (line.size() > kMostLogLineBytes) return Bad("too long a line", "at most 1 MiB is read");
  if (NestsDeeperThan(line, kMaxDepth)) return Bad("no record", "nested deeper than 32 levels");
  const absl::string_view trimmed = absl::StripAsciiWhitespace(Sv(line));
  try {
    return Decode(std::string_view(trimmed.data(), trimmed.size()));
  } catch (const Json::parse_error& e) {
    return Bad("no JSON", WithoutName(e.what()));
  } catch (const Json::exception& e) {
    return Bad("a member that is missing or of another type", WithoutName(e.what()));
  }
}

std::string WhyForeign(const Record& record) {
  if (record.foreign_args.empty()) return "";
  return WorkloadOfAutoTvm(record.task.template_name, Json::parse(record.foreign_args)).why_not;
}

}  // namespace tilewright
