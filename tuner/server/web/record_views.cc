#include "tuner/server/web/record_views.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "compiler/operators/workload_rules.h"
#include "records/lookup/model_lookup.h"

namespace tilewright {
namespace {

using RecordsJson = nlohmann::ordered_json;

constexpr size_t kMostShown = 200;

HttpReply RecordsReply(const RecordsJson& json) {
  return {.body = json.dump(-1, ' ', true, RecordsJson::error_handler_t::replace)};
}

double GflopsOf(const Record& record) {
  const std::optional<double> seconds = MedianSeconds(record.outcome);
  if (!seconds || !record.foreign_args.empty()) return 0;
  return Flops(record.task.workload) / *seconds * 1e-9;
}

RecordsJson RowOf(const Record& record) {
  const auto* timing = std::get_if<Timing>(&record.outcome);
  return {{"run_id", record.run_id},
          {"workload", WorkloadKey(record)},
          {"template", record.task.template_name},
          {"target", ToString(record.task.target)},
          {"config", EntitiesToJson(record.config)},
          {"seconds", MedianSeconds(record.outcome).value_or(0)},
          {"samples", timing ? timing->seconds.size() : 0},
          {"gflops", GflopsOf(record)},
          {"class", record.record_class},
          {"threads", record.threads},
          {"key", record.device_key},
          {"device", record.device},
          {"worker", record.worker},
          {"builder", record.builder},
          {"job", record.job},
          {"unix_time", record.unix_time},
          {"software", record.software}};
}

std::string ParameterOf(const HttpQuery& query, const std::string& name) {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

bool HoldsAll(const Record& record, const std::vector<std::string>& words) {
  const std::string text = absl::AsciiStrToLower(absl::StrCat(
      WorkloadKey(record), " ", record.task.template_name, " ", ToString(record.task.target), " ",
      record.device_key, " ", record.device, " ", record.worker, " ", record.job, " ",
      record.run_id, " ", EntitiesToJson(record.config)));
  return std::all_of(words.begin(), words.end(),
                     [&](const std::string& word) { return text.find(word) != text.npos; });
}

struct LayersOfTarget {
  std::vector<std::string> workloads;  // each once
  std::map<std::string, uint64_t> calls;
};

// A workload with several templates is several tasks of the job, but the same layers.
std::map<std::string, LayersOfTarget> LayersOf(const v1::JobSpec& spec) {
  std::map<std::string, LayersOfTarget> layers;
  for (const v1::JobTask& task : spec.tasks()) {
    LayersOfTarget& of = layers[task.task().target()];
    if (of.calls.emplace(task.task().workload(), task.count()).second) {
      of.workloads.push_back(task.task().workload());
    }
  }
  return layers;
}

absl::StatusOr<std::vector<FoundConfig>> LookUpLayers(const RecordStore& store,
                                                      const v1::JobSpec& spec,
                                                      const std::string& target,
                                                      const std::vector<std::string>& workloads) {
  ModelLookup wanted{.device_key = spec.key(), .threads = static_cast<int>(ThreadsOf(spec))};
  TW_ASSIGN_OR_RETURN(wanted.target, ParseTarget(target));
  for (const std::string& key : workloads) {
    TW_ASSIGN_OR_RETURN(Workload workload, ParseWorkload(key));
    wanted.workloads.push_back(std::move(workload));
  }
  return LookUpModel(store, wanted);
}

void AddLayers(const LayersOfTarget& layers, const std::vector<FoundConfig>& found,
               RecordsJson* rows) {
  for (size_t i = 0; i < found.size(); ++i) {
    const LookupResult& one = found[i].found;
    rows->push_back(
        {{"workload", layers.workloads[i]},
         {"layers", layers.calls.at(layers.workloads[i])},
         {"how", absl::StrCat(one.how, found[i].keeps_default ? "; the default is as fast" : "")},
         {"record", one.record ? RowOf(*one.record) : RecordsJson()}});
  }
}

}  // namespace

HttpReply ListBest(const RecordStore& store, const HttpQuery& query) {
  const absl::StatusOr<std::vector<Record>> best =
      store.BestPerWorkload({.device_key = ParameterOf(query, "key")});
  if (!best.ok()) return FailedReply(best.status());
  const std::vector<std::string> words = absl::StrSplit(
      absl::AsciiStrToLower(ParameterOf(query, "q")), absl::ByAnyChar(" \t"), absl::SkipEmpty());
  std::vector<std::pair<double, const Record*>> shown;
  for (const Record& record : *best) {
    if (HoldsAll(record, words)) shown.emplace_back(GflopsOf(record), &record);
  }
  std::stable_sort(shown.begin(), shown.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  RecordsJson rows = RecordsJson::array();
  for (size_t i = 0; i < std::min(shown.size(), kMostShown); ++i) {
    rows.push_back(RowOf(*shown[i].second));
  }
  return RecordsReply({{"found", shown.size()}, {"best", std::move(rows)}});
}

HttpReply ListLayers(const RecordStore& store, Jobs& jobs, const HttpQuery& query) {
  const absl::StatusOr<std::shared_ptr<Job>> job = jobs.Find(ParameterOf(query, "id"), "");
  if (!job.ok()) return FailedReply(job.status());
  RecordsJson rows = RecordsJson::array();
  for (const auto& [target, layers] : LayersOf((*job)->spec())) {
    const absl::StatusOr<std::vector<FoundConfig>> found =
        LookUpLayers(store, (*job)->spec(), target, layers.workloads);
    if (!found.ok()) return FailedReply(found.status());
    AddLayers(layers, *found, &rows);
  }
  return RecordsReply(rows);
}

}  // namespace tilewright
