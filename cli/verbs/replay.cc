// tilewright replay: judges strategies on recorded spaces.
#include "tuner/replay/replay.h"

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "tuner/search/searcher.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kExample[] =
    "  $ tilewright replay conv.json.gz --tuner xgb,random --seeds 10\n"
    "  space  tuner   @25    @50    @100   @200   to 95 %  to 99 %  ms/trial\n"
    "  conv   xgb     0.912  0.965  0.991  1.000  41       88       1.2\n"
    "  conv   random  0.704  0.778  0.851  0.907  -        -        0.0\n";

constexpr size_t kCheckpoints[] = {25, 50, 100, 200};

struct ReplayVerb {
  std::vector<std::string> files;
  std::string tuners = "random,ga,xgb,gp";
  std::vector<std::string> options;
  int seeds = 10;
  size_t trials = 200;
  size_t in_flight = 4;
  bool json = false;
};

struct Row {
  std::string space, tuner;
  std::vector<ReplayRun> runs;
};

absl::StatusOr<std::map<std::string, std::string>> ParseOptions(
    const std::vector<std::string>& texts) {
  std::map<std::string, std::string> options;
  for (const std::string& text : texts) {
    const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (parts.size() != 2) return UsageError(absl::StrCat("--option is NAME=VALUE, not ", text));
    options[parts[0]] = parts[1];
  }
  return options;
}

absl::StatusOr<Row> RunRow(const RecordedSpace& recorded, const std::string& tuner,
                           const ReplayVerb& verb) {
  const SystemClock clock;
  Row row{recorded.name, tuner};
  TW_ASSIGN_OR_RETURN(const auto options, ParseOptions(verb.options));
  for (int seed = 0; seed < verb.seeds; ++seed) {
    TW_ASSIGN_OR_RETURN(ReplayRun run, Replay(recorded,
                                              {.strategy = tuner,
                                               .search_options = options,
                                               .seed = static_cast<uint64_t>(seed),
                                               .trials = verb.trials,
                                               .in_flight = verb.in_flight},
                                              clock));
    row.runs.push_back(std::move(run));
  }
  return row;
}

Json ToJson(const Row& row) {
  Json curves = Json::array();
  for (const ReplayRun& run : row.runs) curves.push_back(run.curve);
  auto reached = [&](double fraction) {
    const std::optional<double> trials = MedianTrialsTo(row.runs, fraction);
    return trials ? Json(*trials) : Json();
  };
  return {{"space", row.space},
          {"tuner", row.tuner},
          {"trials_to_95", reached(0.95)},
          {"trials_to_99", reached(0.99)},
          {"search_ms_per_trial", MeanSearchMs(row.runs)},
          {"curves", std::move(curves)}};
}

void AddTo(Table& table, const Row& row) {
  std::vector<std::string> cells = {row.space, row.tuner};
  for (size_t trials : kCheckpoints) {
    cells.push_back(absl::StrFormat("%.3f", MeanFractionAt(row.runs, trials)));
  }
  for (double fraction : {0.95, 0.99}) {
    const std::optional<double> trials = MedianTrialsTo(row.runs, fraction);
    cells.push_back(trials ? absl::StrFormat("%.0f", *trials) : "-");
  }
  cells.push_back(absl::StrFormat("%.1f", MeanSearchMs(row.runs)));
  table.Add(std::move(cells));
}

absl::Status RunReplay(const ReplayVerb& verb) {
  Table table({"space", "tuner", "@25", "@50", "@100", "@200", "to 95 %", "to 99 %", "ms/trial"});
  Json list = Json::array();
  for (const std::string& file : verb.files) {
    absl::StatusOr<RecordedSpace> recorded = LoadRecordedSpace(file);
    if (!recorded.ok()) return BadInput(recorded.status());
    for (absl::string_view tuner : absl::StrSplit(verb.tuners, ',', absl::SkipEmpty())) {
      TW_ASSIGN_OR_RETURN(const Row row, RunRow(*recorded, std::string(tuner), verb));
      AddTo(table, row);
      list.push_back(ToJson(row));
    }
  }
  if (verb.json) {
    std::cout << list.dump(2) << "\n";
  } else {
    table.Print(std::cout);
  }
  return absl::OkStatus();
}

}  // namespace

void verb_replay(CLI::App& parent) {
  auto verb = std::make_shared<ReplayVerb>();
  CLI::App* app = AddVerb(parent, {"replay", "judges strategies on recorded spaces", kExample},
                          [verb] { return RunReplay(*verb); });
  app->add_option("FILES", verb->files, "recorded spaces (JSON, .gz or not)")->required();
  app->add_option("--tuner", verb->tuners, "strategies, separated by commas");
  app->add_option("--option", verb->options, "NAME=VALUE for the strategies; repeatable");
  app->add_option("--seeds", verb->seeds, "runs of each strategy")->check(CLI::Range(1, 1000));
  app->add_option("--budget,--trials", verb->trials, "trials of each run")
      ->check(CLI::Range(1, 1'000'000));
  app->add_option("--in-flight", verb->in_flight, "measurements outstanding at a time")
      ->check(CLI::Range(1, 10'000));
  app->add_flag("--json", verb->json, "print JSON, with every curve");
}

}  // namespace tilewright
