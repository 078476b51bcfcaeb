#include "cli/verbs/records_revoke.h"

#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/endpoints/farm_client.h"
#include "cli/endpoints/open_records.h"
#include "cli/endpoints/package_records.h"
#include "cli/exit_code.h"
#include "cli/show_record.h"
#include "cli/table.h"
#include "cli/user_name.h"
#include "cli/verb.h"
#include "records/lookup/revoke.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kRevokeExample[] =
    "  $ tilewright records revoke --worker rack3 --since '2026-11-21 09:00' \\\n"
    "      --reason 'its fan had stopped'\n"
    "  job-5f0c-17\n"
    "  job-5f0c-18\n"
    "  2 records revoked\n";
constexpr char kRevokedExample[] =
    "  $ tilewright records revoked resnet18.tar mobilenet_v2.tar\n"
    "  package       record       by   reason\n"
    "  resnet18.tar  job-5f0c-17  ann  its fan had stopped\n";

struct RevokeOptions {
  RecordsOption records;
  RecordFilter filter;
  std::string since, until, reason;
  std::vector<std::string> packages;
  bool json = false;
};

// Unix seconds, or local time as `history` prints it, seconds or the whole time of day left out.
absl::StatusOr<double> ParseTime(const std::string& text) {
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds) && seconds > 0 && seconds < 1e12) return seconds;
  for (const char* format : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm local{};
    local.tm_isdst = -1;
    const char* end = strptime(text.c_str(), format, &local);
    if (end != nullptr && *end == '\0') return static_cast<double>(std::mktime(&local));
  }
  return UsageError(
      absl::StrCat("\"", text, "\" is no time; write '2026-11-21 09:31:02' or unix seconds"));
}

absl::StatusOr<std::vector<std::string>> RevokeOnFarm(const RevokeOptions& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, FarmOf(options.records));
  v1::RevokeRecordsRequest request;
  request.set_run_id(options.filter.run_id);
  request.set_worker(options.filter.worker);
  request.set_builder(options.filter.builder);
  request.set_device_key(options.filter.device_key);
  request.set_job(options.filter.job);
  request.set_since(options.filter.since);
  request.set_before(options.filter.before);
  request.set_reason(options.reason);
  return FarmClient(server).RevokeRecords(std::move(request));
}

absl::StatusOr<std::vector<std::string>> RevokeIn(const RevokeOptions& options) {
  const RevokeNote note{options.reason, SystemClock().UnixTime(), UserName()};
  TW_RETURN_IF_ERROR(CheckRevoke(options.filter, note));
  if (IsFarm(options.records)) return RevokeOnFarm(options);
  TW_ASSIGN_OR_RETURN(const auto store, OpenRecordsToWrite(options.records.named));
  return RevokeRecords(*store, options.filter, note);
}

absl::StatusOr<std::vector<Revocation>> RevocationsOf(const RecordsOption& records) {
  if (!IsFarm(records)) {
    TW_ASSIGN_OR_RETURN(const auto store, OpenRecordsToRead(records.named));
    return store->Revocations();
  }
  TW_ASSIGN_OR_RETURN(const Endpoint server, FarmOf(records));
  TW_ASSIGN_OR_RETURN(const auto revoked, FarmClient(server).ListRevocations());
  std::vector<Revocation> all;
  for (const v1::RevokedRecord& one : revoked) {
    all.push_back({one.run_id(), one.reason(), one.unix_time(), one.by()});
  }
  return all;
}

absl::Status Revoke(RevokeOptions options) {
  if (!options.since.empty()) {
    TW_ASSIGN_OR_RETURN(options.filter.since, ParseTime(options.since));
  }
  if (!options.until.empty()) {
    TW_ASSIGN_OR_RETURN(options.filter.before, ParseTime(options.until));
  }
  const absl::StatusOr<std::vector<std::string>> ids = RevokeIn(options);
  if (absl::IsInvalidArgument(ids.status())) return UsageError(std::string(ids.status().message()));
  TW_RETURN_IF_ERROR(ids.status());
  for (const std::string& id : *ids) std::cout << id << "\n";
  std::cerr << ids->size() << (ids->size() == 1 ? " record" : " records") << " revoked\n";
  if (!ids->empty()) return absl::OkStatus();
  return BadInput(absl::NotFoundError("no such record that is not revoked already"));
}

// What `revoked` prints: of each package the revoked records that it used, or all of them.
absl::StatusOr<std::vector<std::vector<std::string>>> Rows(const RevokeOptions& options) {
  TW_ASSIGN_OR_RETURN(const std::vector<Revocation> all, RevocationsOf(options.records));
  std::vector<std::vector<std::string>> rows;
  if (options.packages.empty()) {
    for (const Revocation& one : all) {
      rows.push_back({TimeText(one.unix_time), one.run_id, one.by, one.reason});
    }
    return rows;
  }
  std::map<std::string, const Revocation*> revoked;
  for (const Revocation& one : all) revoked[one.run_id] = &one;
  for (const std::string& package : options.packages) {
    TW_ASSIGN_OR_RETURN(const std::vector<std::string> records, RecordsOfPackage(package));
    for (const std::string& record : records) {
      const auto found = revoked.find(record);
      if (found == revoked.end()) continue;
      rows.push_back({package, record, found->second->by, found->second->reason});
    }
  }
  return rows;
}

absl::Status Revoked(const RevokeOptions& options) {
  TW_ASSIGN_OR_RETURN(const auto rows, Rows(options));
  const std::vector<std::string> titles = {options.packages.empty() ? "revoked" : "package",
                                           "record", "by", "reason"};
  if (!options.json) {
    Table table(titles);
    for (auto row : rows) {
      for (std::string& cell : row) cell = cell.empty() ? "-" : std::move(cell);
      table.Add(std::move(row));
    }
    table.Print(std::cout);
    return absl::OkStatus();
  }
  Json list = Json::array();
  for (const auto& row : rows) {
    Json item;
    for (size_t i = 0; i < titles.size(); ++i) item[titles[i]] = row[i];
    list.push_back(std::move(item));
  }
  std::cout << list.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  return absl::OkStatus();
}

void AddOwnRecords(CLI::App* verb, RecordsOption* records) {
  verb->add_option("--records", records->named,
                   "records file, postgresql://USER@HOST/DATABASE or \"farm:HOST:PORT\" (default: "
                   "$TILEWRIGHT_RECORDS or the user's data folder)");
  AddTlsOptions(verb, &records->tls);
}

}  // namespace

void AddRevokeVerbs(CLI::App* group) {
  const auto options = std::make_shared<RevokeOptions>();
  CLI::App* revoke =
      AddVerb(*group, {"revoke", "withdraws records that were found to be wrong", kRevokeExample},
              [options] { return Revoke(*options); });
  revoke->add_option("--id", options->filter.run_id, "the record with this run id");
  revoke->add_option("--worker", options->filter.worker, "what this worker measured");
  revoke->add_option("--builder", options->filter.builder,
                     "what this worker built for another one to measure");
  revoke->add_option("--key", options->filter.device_key, "of devices of this key");
  revoke->add_option("--job", options->filter.job, "of this job");
  revoke->add_option("--since", options->since, "measured at this time or later");
  revoke->add_option("--until", options->until, "measured before this time");
  revoke->add_option("--reason", options->reason, "why, for people")->required();
  AddOwnRecords(revoke, &options->records);

  CLI::App* revoked =
      AddVerb(*group,
              {"revoked", "lists revoked records, or those that packages were compiled with",
               kRevokedExample},
              [options] { return Revoked(*options); });
  revoked->add_option("PACKAGE", options->packages, "packages to look into");
  AddOwnRecords(revoked, &options->records);
  revoked->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
