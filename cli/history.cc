// tilewright history: what was measured, failures included.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/status_macros.h"
#include "cli/filter_options.h"
#include "cli/open_records.h"
#include "cli/records_source.h"
#include "cli/show_record.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright history --op dense --limit 2\n"
    "  time                 key    class      ms  template        config             workload\n"
    "  2026-11-21 09:31:02  local  ok     0.0312  dense_pack.cpu  {tile_n: [-1, 2]}  dense(...\n"
    "  2026-11-21 09:31:03  local  ok      crash  dense_pack.cpu  {tile_n: [-1, 8]}  dense(...\n";

struct Options {
  RecordsOption records;
  RecordFilter filter;
  int64_t limit = 50;
  bool json = false;
};

// The newest `limit` records (0 = all), oldest first.
absl::StatusOr<std::vector<Record>> Newest(const Options& options) {
  if (options.limit > 0) {
    TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
    return records.Newest(options.filter, options.limit);
  }
  TW_ASSIGN_OR_RETURN(const auto store, OpenRecordsToRead(options.records));
  std::vector<Record> all;
  TW_RETURN_IF_ERROR(store->ForEach(
      options.filter, [&](const Record& record) { return all.push_back(record), true; }));
  return all;
}

void PrintTable(const std::vector<Record>& records) {
  Table table({"time", "key", "class", "ms", "template", "config", "workload"});
  for (const Record& record : records) {
    table.Add({TimeText(record.unix_time), record.device_key, record.record_class,
               MillisecondsText(record), record.task.template_name, ConfigText(record.config),
               WorkloadKey(record)});
  }
  table.Print(std::cout);
}

absl::Status History(const Options& options) {
  TW_ASSIGN_OR_RETURN(const std::vector<Record> records, Newest(options));
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Record& record : records) list.push_back(RecordJson(record));
    std::cout << list.dump(2) << "\n";
  } else {
    PrintTable(records);
  }
  return absl::OkStatus();
}

}  // namespace

void verb_history(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"history", "prints what was measured, failures included", kExample},
              [options] { return History(*options); });
  AddFilterOptions(verb, &options->filter);
  verb->add_flag("--ok", options->filter.only_ok, "only records that may become the best");
  verb->add_option("--limit", options->limit, "the newest so many; 0 = all")
      ->check(CLI::Range(0, 1'000'000'000))
      ->capture_default_str();
  AddRecordsOption(verb, &options->records);
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
