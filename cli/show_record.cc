#include "cli/show_record.h"

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

std::string EntityText(const Entity& entity) {
  if (const auto* split = std::get_if<SplitEntity>(&entity)) {
    return absl::StrCat("[", absl::StrJoin(split->sizes, ", "), "]");
  }
  if (const auto* reorder = std::get_if<ReorderEntity>(&entity)) {
    return absl::StrCat("[", absl::StrJoin(reorder->order, ", "), "]");
  }
  if (const auto* annotate = std::get_if<AnnotateEntity>(&entity)) {
    return absl::StrCat("[", absl::StrJoin(annotate->annotations, ", "), "]");
  }
  const auto& other = std::get<OtherEntity>(entity);
  if (const auto* flag = std::get_if<bool>(&other)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&other)) return absl::StrCat(*number);
  return std::get<std::string>(other);
}

}  // namespace

Json RecordJson(const Record& record) {
  const auto* failure = std::get_if<Failure>(&record.outcome);
  const std::optional<double> median = MedianSeconds(record.outcome);
  const auto* timing = std::get_if<Timing>(&record.outcome);
  Json json = {{"run_id", record.run_id},
               {"workload", WorkloadKey(record)},
               {"template", record.task.template_name},
               {"target", ToString(record.task.target)},
               {"config", Json::parse(EntitiesToJson(record.config))},
               {"index", record.index},
               {"outcome", failure ? std::string(NameOf(failure->kind)) : "ok"},
               {"message", failure ? failure->message : ""},
               {"median_seconds", median ? Json(*median) : Json()},
               {"samples", timing ? Json(timing->seconds) : Json::array()},
               {"class", record.record_class},
               {"threads", record.threads},
               {"device_key", record.device_key},
               {"device", record.device},
               {"worker", record.worker},
               {"builder", record.builder.empty() ? record.worker : record.builder},
               {"job", record.job},
               {"seed", record.seed},
               {"build_seconds", record.build_seconds},
               {"run_seconds", record.run_seconds},
               {"unix_time", record.unix_time},
               {"software", record.software}};
  return json;
}

std::string MillisecondsText(const Record& record) {
  if (const auto* failure = std::get_if<Failure>(&record.outcome)) {
    return std::string(NameOf(failure->kind));
  }
  return absl::StrFormat("%.4f", MedianSeconds(record.outcome).value_or(0) * 1e3);
}

std::string SpeedText(const Record& record) {
  const std::optional<double> median = MedianSeconds(record.outcome);
  if (!median || !record.foreign_args.empty()) return "-";
  return absl::StrFormat("%.1f", Flops(record.task.workload) / *median * 1e-9);
}

std::string ConfigText(const Config& config) {
  return absl::StrCat("{",
                      absl::StrJoin(config.entities, ", ",
                                    [](std::string* out, const auto& knob) {
                                      absl::StrAppend(out, knob.first, ": ",
                                                      EntityText(knob.second));
                                    }),
                      "}");
}

std::string TimeText(double unix_time) {
  const auto seconds = static_cast<std::time_t>(std::floor(unix_time));
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  const size_t size = std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
  return std::string(text, size);
}

}  // namespace tilewright
