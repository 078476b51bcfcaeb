// tilewright train: learns from the records which configs to try first elsewhere.
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/endpoints/filter_options.h"
#include "cli/endpoints/records_source.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "tuner/transfer/ranking_samples.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright train -o cost.model\n"
    "  template          configs  tasks  of best, 8 trials  at random\n"
    "  conv2d_nchwc.cpu       68     20               1.00       0.92\n"
    "  $ tilewright tune other.onnx --cost-model cost.model\n";

// Trials that a learned start is judged by: those that --cost-model puts first.
constexpr size_t kPicks = 8;

struct Options {
  RecordsOption records;
  RecordFilter filter;
  std::string output;
  bool json = false;
};

using Samples = std::map<std::string, std::vector<RankingSample>>;

struct Row {
  std::string name;
  size_t configs = 0, tasks = 0;
  Judgement judgement;
};

absl::StatusOr<std::vector<Row>> Judged(const Samples& samples) {
  std::vector<Row> rows;
  for (const auto& [name, of_template] : samples) {
    std::set<size_t> groups;
    for (const RankingSample& sample : of_template) groups.insert(sample.group);
    TW_ASSIGN_OR_RETURN(const Judgement judgement, Judge(of_template, kPicks));
    rows.push_back({name, of_template.size(), groups.size(), judgement});
  }
  return rows;
}

void PrintTable(const std::vector<Row>& rows) {
  Table table({"template", "configs", "tasks", "of best, 8 trials", "at random"});
  for (const Row& row : rows) {
    const bool judged = row.judgement.groups > 0;
    table.Add({row.name, absl::StrCat(row.configs), absl::StrCat(row.tasks),
               judged ? absl::StrFormat("%.2f", row.judgement.learned) : "-",
               judged ? absl::StrFormat("%.2f", row.judgement.random) : "-"});
  }
  table.Print(std::cout);
}

void PrintJson(const std::vector<Row>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json entry = {
        {"template", row.name}, {"configs", row.configs}, {"tasks", row.tasks}};
    if (row.judgement.groups > 0) {
      entry["learned"] = row.judgement.learned;
      entry["random"] = row.judgement.random;
    }
    list.push_back(std::move(entry));
  }
  std::cout << list.dump(2) << "\n";
}

absl::Status Train(const Options& options) {
  OutputFile file(options.output, FileKind::kCostModel, {options.records.named});
  TW_RETURN_IF_ERROR(file.status());
  TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
  TW_ASSIGN_OR_RETURN(const Samples samples, SamplesOf(records, options.filter));
  if (samples.empty()) {
    return BadInput(absl::InvalidArgumentError(
        "no record to learn from; `tilewright tune` makes them, `tilewright history` shows them"));
  }
  TW_ASSIGN_OR_RETURN(const LearnedRanking ranking, LearnedRanking::Train(samples));
  TW_ASSIGN_OR_RETURN(const std::string text, ranking.Text());
  TW_ASSIGN_OR_RETURN(const std::vector<Row> rows, Judged(samples));
  file.stream() << text;
  TW_RETURN_IF_ERROR(file.Commit());
  options.json ? PrintJson(rows) : PrintTable(rows);
  return absl::OkStatus();
}

}  // namespace

void verb_train(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"train", "learns from the records what to try first elsewhere", kExample},
              [options] { return Train(*options); });
  verb->add_option("-o,--output", options->output, "where the cost model is written")->required();
  AddFilterOptions(verb, &options->filter);
  AddRecordsOption(verb, &options->records);
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
