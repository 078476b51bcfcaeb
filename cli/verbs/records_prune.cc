#include "cli/verbs/records_prune.h"

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/endpoints/open_records.h"
#include "cli/endpoints/package_records.h"
#include "cli/exit_code.h"
#include "cli/tuning/duration.h"
#include "cli/verb.h"
#include "records/lookup/prune.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright records prune --older-than 90d --keep 1000 shipped/*.tar\n"
    "  412806 records removed, 61230 left\n";

struct PruneOptions {
  std::string records, older_than;
  int64_t keep = 0;
  std::vector<std::string> packages;
  bool dry_run = false;
};

absl::Status Prune(const PruneOptions& options) {
  if (options.older_than.empty() && options.keep == 0) {
    return UsageError(
        "give --older-than or --keep: without both every record but the best would go");
  }
  PruneRule rule{.newest = options.keep};
  if (!options.older_than.empty()) {
    TW_ASSIGN_OR_RETURN(const double age, ParseDuration(options.older_than));
    rule.before = SystemClock().UnixTime() - age;
  }
  for (const std::string& package : options.packages) {
    TW_ASSIGN_OR_RETURN(const std::vector<std::string> used, RecordsOfPackage(package));
    rule.run_ids.insert(rule.run_ids.end(), used.begin(), used.end());
  }
  TW_ASSIGN_OR_RETURN(const PruneReport report,
                      PruneRecords(RecordsPath(options.records), rule, options.dry_run));
  std::cout << report.removed
            << (options.dry_run ? " records would be removed, " : " records removed, ")
            << report.left << " left\n";
  return absl::OkStatus();
}

}  // namespace

void AddPruneVerb(CLI::App* group) {
  const auto options = std::make_shared<PruneOptions>();
  CLI::App* verb =
      AddVerb(*group,
              {"prune",
               "removes old records that no look-up uses, while no server runs on them; the best "
               "configs, what networks decided, revoked records and what PACKAGEs used stay",
               kExample},
              [options] { return Prune(*options); });
  verb->add_option("PACKAGE", options->packages, "packages whose records stay");
  verb->add_option("--older-than", options->older_than,
                   "only records measured longer ago: 90d, 12h (default: any)");
  verb->add_option("--keep", options->keep, "the newest so many of each task stay")
      ->check(CLI::Range(0, 1'000'000'000))
      ->capture_default_str();
  verb->add_option("--records", options->records, kOwnRecordsHelp);
  verb->add_flag("--dry-run", options->dry_run, "only say how many");
}

}  // namespace tilewright
