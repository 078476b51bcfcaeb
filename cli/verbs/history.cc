// tilewright history: what was measured, failures included.
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "cli/endpoints/filter_options.h"
#include "cli/endpoints/records_source.h"
#include "cli/exit_code.h"
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

// A header and so many rows at a time, with columns as wide as these need.
constexpr int kRowsOfTable = 4096;

// Why records were revoked, by their run_id; empty where none is printed that was.
using Reasons = std::map<std::string, std::string>;

class TablePrinter {
 public:
  explicit TablePrinter(Reasons reasons) : reasons_(std::move(reasons)), table_(Empty()) {}

  void Add(const Record& record) {
    std::vector<std::string> row = {TimeText(record.unix_time),   record.device_key,
                                    record.record_class,          MillisecondsText(record),
                                    record.task.template_name,    ConfigText(record.config),
                                    ShortKey(WorkloadKey(record))};
    if (!reasons_.empty()) row.push_back(reasons_[record.run_id]);
    table_.Add(std::move(row));
    if (++rows_ == kRowsOfTable) Print();
  }
  void End() {
    if (rows_ > 0 || !any_) Print();
  }

 private:
  Table Empty() const {
    std::vector<std::string> titles = {"time",     "key",    "class",   "ms",
                                       "template", "config", "workload"};
    if (!reasons_.empty()) titles.push_back("revoked");
    return Table(std::move(titles));
  }
  void Print() {
    table_.Print(std::cout);
    table_ = Empty();
    rows_ = 0;
    any_ = true;
  }

  Reasons reasons_;
  Table table_;
  int rows_ = 0;
  bool any_ = false;  // printed
};

// A list, member by member.
class JsonPrinter {
 public:
  explicit JsonPrinter(Reasons reasons) : reasons_(std::move(reasons)) {}

  void Add(const Record& record) {
    nlohmann::ordered_json json = RecordJson(record);
    if (!reasons_.empty()) json["revoked"] = reasons_[record.run_id];
    std::cout << (any_ ? ",\n  " : "[\n  ") << absl::StrReplaceAll(json.dump(2), {{"\n", "\n  "}});
    any_ = true;
  }
  void End() { std::cout << (any_ ? "\n]\n" : "[]\n"); }

 private:
  Reasons reasons_;
  bool any_ = false;
};

absl::StatusOr<Reasons> ReasonsOf(const RecordsSource& records, bool revoked) {
  Reasons reasons;
  if (!revoked) return reasons;
  if (!records.store()) {
    return UsageError(
        "a server tells no measurements that were revoked; "
        "`tilewright records revoked` lists which they are and why");
  }
  TW_ASSIGN_OR_RETURN(const std::vector<Revocation> all, records.store()->Revocations());
  for (const Revocation& one : all) reasons[one.run_id] = one.reason;
  return reasons;
}

// The newest `limit` records, oldest first; or all, as they come, however many.
template <typename Printer>
absl::Status Print(const Options& options) {
  TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
  TW_ASSIGN_OR_RETURN(Reasons reasons, ReasonsOf(records, options.filter.revoked));
  Printer printer(std::move(reasons));
  if (options.limit > 0) {
    TW_ASSIGN_OR_RETURN(const std::vector<Record> newest,
                        records.Newest(options.filter, options.limit));
    for (const Record& record : newest) printer.Add(record);
  } else {
    TW_RETURN_IF_ERROR(records.ForEach(options.filter, [&](const Record& record) {
      printer.Add(record);
      return std::cout.good();
    }));
  }
  printer.End();
  return absl::OkStatus();
}

absl::Status History(const Options& options) {
  return options.json ? Print<JsonPrinter>(options) : Print<TablePrinter>(options);
}

}  // namespace

void verb_history(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"history", "prints what was measured, failures included", kExample},
              [options] { return History(*options); });
  AddFilterOptions(verb, &options->filter);
  verb->add_flag("--ok", options->filter.only_ok, "only records that may become the best");
  verb->add_flag("--revoked", options->filter.revoked,
                 "only records that were revoked, and why; of a file or database");
  verb->add_option("--limit", options->limit, "the newest so many; 0 = all")
      ->check(CLI::Range(0, 1'000'000'000))
      ->capture_default_str();
  AddRecordsOption(verb, &options->records);
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
