// tilewright best: the best record of each workload and target.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/status_macros.h"
#include "cli/endpoints/filter_options.h"
#include "cli/endpoints/records_source.h"
#include "cli/show_record.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright best --op conv2d\n"
    "  ms      GFLOP/s  key    target             template          workload    config\n"
    "  0.1021  1132.5   local  cpu -mcpu=znver5   conv2d_nchwc.cpu  conv2d(...  {tile_ow: ...\n";

struct Options {
  RecordsOption records;
  RecordFilter filter;
  bool json = false;
};

void PrintTable(const std::vector<Record>& best) {
  Table table({"ms", "GFLOP/s", "key", "target", "template", "workload", "config"});
  for (const Record& record : best) {
    table.Add({MillisecondsText(record), SpeedText(record), record.device_key,
               ToString(record.task.target), record.task.template_name,
               ShortKey(WorkloadKey(record)), ConfigText(record.config)});
  }
  table.Print(std::cout);
}

absl::Status Best(const Options& options) {
  TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
  TW_ASSIGN_OR_RETURN(const std::vector<Record> best, records.Best(options.filter));
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Record& record : best) list.push_back(RecordJson(record));
    std::cout << list.dump(2) << "\n";
  } else {
    PrintTable(best);
  }
  return absl::OkStatus();
}

}  // namespace

void verb_best(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"best", "prints the best record of each workload and target", kExample},
              [options] { return Best(*options); });
  AddFilterOptions(verb, &options->filter);
  AddRecordsOption(verb, &options->records);
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
