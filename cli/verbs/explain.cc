// tilewright explain: which record each layer of a model gets, or why it gets none.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/status_macros.h"
#include "cli/endpoints/open_records.h"
#include "cli/endpoints/records_source.h"
#include "cli/model/model_options.h"
#include "cli/model/template_index.h"
#include "cli/show_record.h"
#include "cli/verb.h"
#include "records/lookup/lookup.h"
#include "records/store/foreign.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kExample[] =
    "  $ tilewright explain resnet18.onnx\n"
    "  conv2d(float32[1,3,224,224],...)+bias+relu, 1 layer\n"
    "    record (exact): 0.2101 ms, conv2d_nchwc.cpu {tile_ow: [-1, 14]}, key local, 2026-11-21 "
    "09:31:02\n"
    "  conv2d(float32[1,64,56,56],...)+bias+relu, 4 layers\n"
    "    no record; the template's default is used\n"
    "    near: target differs: cpu -mcpu=znver4 (120 records, the fastest 0.1804 ms by "
    "conv2d_winograd.cpu)\n";

struct Options {
  ModelOptions model;
  RecordsOption records;
  ModelLookup wanted;
  bool json = false;
};

struct Explanation {
  ModelTask task;  // of the workload's first template
  LookupResult found;
};

// The first task of each workload.
std::vector<ModelTask> OneOfEach(const std::vector<ModelTask>& tasks) {
  std::vector<ModelTask> firsts;
  std::set<std::string> seen;
  for (const ModelTask& task : tasks) {
    if (seen.insert(task.task.workload.Key()).second) firsts.push_back(task);
  }
  return firsts;
}

absl::StatusOr<std::vector<Explanation>> ExplainAll(const TasksOfModel& loaded,
                                                    const RecordsSource& records,
                                                    const Options& options) {
  const std::vector<ModelTask> tasks = OneOfEach(loaded.tasks);
  ModelLookup wanted = options.wanted;
  wanted.target = loaded.target;
  wanted.exact = options.model.exact;
  wanted.explain = true;
  for (const ModelTask& task : tasks) wanted.workloads.push_back(task.task.workload);
  TW_ASSIGN_OR_RETURN(std::vector<FoundConfig> found, records.LookUp(wanted));
  std::vector<Explanation> all;
  for (size_t i = 0; i < tasks.size(); ++i) all.push_back({tasks[i], std::move(found[i].found)});
  return all;
}

void PrintText(const Explanation& explanation) {
  const auto& [task, found] = explanation;
  std::cout << ShortKey(task.task.workload.Key()) << ", " << task.count
            << (task.count == 1 ? " layer\n" : " layers\n");
  if (const auto& record = found.record) {
    std::cout << "  record (" << found.how << "): " << MillisecondsText(*record) << " ms, "
              << record->task.template_name << " " << ConfigText(record->config) << ", key "
              << record->device_key << ", " << TimeText(record->unix_time) << "\n";
  } else {
    std::cout << "  no record; the template's default is used\n";
  }
  for (const std::string& text : found.passed_over) std::cout << "  passed over: " << text << "\n";
  for (const std::string& miss : found.near_misses) std::cout << "  near: " << miss << "\n";
}

Json ExplanationJson(const Explanation& explanation) {
  const auto& [task, found] = explanation;
  return {{"workload", task.task.workload.Key()},
          {"layers", task.count},
          {"how", found.how},
          {"record", found.record ? RecordJson(*found.record) : Json()},
          {"passed_over", found.passed_over},
          {"near_misses", found.near_misses}};
}

// On stderr: they concern no layer in particular.
absl::Status PrintForeign(const RecordStore& store) {
  TW_ASSIGN_OR_RETURN(const auto foreign, ForeignTemplates(store));
  if (foreign.empty()) return absl::OkStatus();
  std::cerr << "the records also hold measurements of templates of other systems, which say "
               "nothing of tilewright's: "
            << CountsText(foreign) << "\n";
  return absl::OkStatus();
}

absl::Status Explain(const Options& options) {
  TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
  TW_ASSIGN_OR_RETURN(const TasksOfModel loaded, LoadTasks(options.model));
  TW_ASSIGN_OR_RETURN(const std::vector<Explanation> all, ExplainAll(loaded, records, options));
  if (options.json) {
    Json list = Json::array();
    for (const Explanation& explanation : all) list.push_back(ExplanationJson(explanation));
    std::cout << list.dump(2) << "\n";
  } else {
    for (const Explanation& explanation : all) PrintText(explanation);
  }
  return records.store() ? PrintForeign(*records.store()) : absl::OkStatus();
}

}  // namespace

void verb_explain(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(
      parent, {"explain", "says which record each layer gets, or which came close", kExample},
      [options] { return Explain(*options); });
  AddModelOptions(verb, &options->model);
  AddRecordsOption(verb, &options->records);
  AddLookupOptions(verb, &options->wanted);
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
