// tilewright tasks: what there is to tune in a model.
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/endpoints/records_source.h"
#include "cli/model/model_options.h"
#include "cli/show_record.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kExample[] =
    "  $ tilewright tasks resnet18.onnx\n"
    "  task  layers  GFLOP  space  best ms  template          workload\n"
    "     0       1  0.236    324   0.2101  conv2d_nchwc.cpu  conv2d(float32[1,3,224,224],...\n"
    "     1       4  0.231    896        -  conv2d_nchwc.cpu  conv2d(float32[1,64,56,56],...\n"
    "  $ tilewright tune resnet18.onnx --tasks 1\n";

struct Options {
  ModelOptions model;
  RecordsOption records;
  bool json = false;
};

struct Row {
  ModelTask task;
  std::optional<Record> best;  // with this template
};

// One call a template.
absl::StatusOr<std::vector<Row>> AddBest(const TasksOfModel& loaded, const RecordsSource& records) {
  std::map<std::string, std::vector<std::string>> workloads;  // by template
  for (const ModelTask& task : loaded.tasks) {
    workloads[task.task.template_name].push_back(task.task.workload.Key());
  }
  std::map<std::pair<std::string, std::string>, Record> best;
  for (const auto& [name, keys] : workloads) {
    const RecordFilter filter{.template_name = name, .target = ToString(loaded.target)};
    TW_ASSIGN_OR_RETURN(std::vector<Record> found, records.Best(filter, keys));
    for (Record& record : found) {
      const std::string key = WorkloadKey(record);
      best.insert_or_assign({name, key}, std::move(record));
    }
  }
  std::vector<Row> rows;
  for (const ModelTask& task : loaded.tasks) {
    const auto found = best.find({task.task.template_name, task.task.workload.Key()});
    rows.push_back({task, found == best.end() ? std::nullopt : std::optional(found->second)});
  }
  return rows;
}

void PrintTable(const std::vector<Row>& rows) {
  Table table({"task", "layers", "GFLOP", "space", "best ms", "template", "workload"});
  for (size_t i = 0; i < rows.size(); ++i) {
    const ModelTask& task = rows[i].task;
    table.Add({absl::StrCat(i), absl::StrCat(task.count),
               absl::StrFormat("%.3f", task.flops * 1e-9), absl::StrCat(task.space_size),
               rows[i].best ? MillisecondsText(*rows[i].best) : "-", task.task.template_name,
               ShortKey(task.task.workload.Key())});
  }
  table.Print(std::cout);
}

void PrintJson(const std::vector<Row>& rows) {
  Json list = Json::array();
  for (size_t i = 0; i < rows.size(); ++i) {
    const ModelTask& task = rows[i].task;
    list.push_back({{"task", i},
                    {"workload", task.task.workload.Key()},
                    {"template", task.task.template_name},
                    {"target", ToString(task.task.target)},
                    {"layers", task.count},
                    {"flops", task.flops},
                    {"space_size", task.space_size},
                    {"best", rows[i].best ? RecordJson(*rows[i].best) : Json()}});
  }
  std::cout << list.dump(2) << "\n";
}

absl::Status Tasks(const Options& options) {
  TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
  TW_ASSIGN_OR_RETURN(const TasksOfModel loaded, LoadTasks(options.model));
  TW_ASSIGN_OR_RETURN(const std::vector<Row> rows, AddBest(loaded, records));
  options.json ? PrintJson(rows) : PrintTable(rows);
  return absl::OkStatus();
}

}  // namespace

void verb_tasks(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"tasks", "lists what there is to tune in a model", kExample},
                           [options] { return Tasks(*options); });
  AddModelOptions(verb, &options->model);
  AddRecordsOption(verb, &options->records);
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
