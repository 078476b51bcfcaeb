#include "cli/endpoints/open_records.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "cli/exit_code.h"
#include "cli/paths.h"
#include "cli/table.h"
#include "records/formats/log_file.h"
#include "records/store/open_store.h"
#include "records/store/postgres_store.h"

namespace tilewright {
namespace {

constexpr char kFarm[] = "farm:";
constexpr char kNone[] = "none";
constexpr char kSqliteMagic[] = "SQLite format 3";

absl::StatusOr<std::unique_ptr<RecordStore>> ReadLog(const std::string& name, std::istream& in) {
  std::unique_ptr<RecordStore> store = MakeMemoryStore();
  TW_ASSIGN_OR_RETURN(const ImportReport report, ImportLog(in, *store));
  if (report.skipped > 0) PrintImportReport(name, report);
  TW_RETURN_IF_ERROR(CheckReadable(report));
  return store;
}

absl::StatusOr<std::unique_ptr<RecordStore>> ReadLogFile(const std::string& path) {
  absl::StatusOr<std::unique_ptr<LogFile>> log = LogFile::Open(path);
  if (!log.ok()) return absl::IsNotFound(log.status()) ? BadInput(log.status()) : log.status();
  absl::StatusOr<std::unique_ptr<RecordStore>> store = ReadLog(path, (*log)->stream());
  TW_RETURN_IF_ERROR((*log)->status());  // a damaged file explains unreadable lines
  return store;
}

bool IsRecordsFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;  // reading a pipe takes from it
  std::string start(sizeof(kSqliteMagic) - 1, '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), sizeof(kSqliteMagic) - 1);
  return start == kSqliteMagic;
}

}  // namespace

void AddRecordsOption(CLI::App* verb, RecordsOption* option) {
  verb->add_option("--records", option->named,
                   "records file, postgresql://USER@HOST/DATABASE, AutoTVM log, "
                   "\"farm:HOST:PORT\", or \"none\" (default: $TILEWRIGHT_RECORDS or the user's "
                   "data folder)");
  AddTlsOptions(verb, &option->tls);
}

std::string RecordsPath(const std::string& named) {
  return named.empty() ? DefaultRecordsPath() : named;
}

bool IsFarm(const RecordsOption& option) { return absl::StartsWith(option.named, kFarm); }

absl::StatusOr<Endpoint> FarmOf(const RecordsOption& option) {
  return EndpointOf(option.named.substr(sizeof(kFarm) - 1), option.tls);
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenRecordsToRead(const std::string& named) {
  const std::string path = RecordsPath(named);
  if (IsPostgresUrl(path)) return ReadPostgresStore(path);
  std::error_code error;
  const bool nothing_yet = named.empty() && !std::filesystem::exists(path, error);
  if (path == kNone || nothing_yet) return MakeMemoryStore();
  return IsRecordsFile(path) ? OpenSqliteStore(path, /*read_only=*/true) : ReadLogFile(path);
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenRecordsToWrite(const std::string& named) {
  const std::string path = RecordsPath(named);
  if (path == kNone || absl::StartsWith(path, kFarm)) {
    return UsageError(absl::StrCat("\"", path, "\" is only read from; name a records file or ",
                                   "postgresql://USER@HOST/DATABASE to write to"));
  }
  return OpenStore(path);
}

absl::Status CheckReadable(const ImportReport& report) {
  const bool useless = report.skipped > 0 && report.imported + report.duplicates == 0;
  return useless ? absl::InvalidArgumentError("no line of the log could be read")
                 : absl::OkStatus();
}

std::string CountsText(const std::map<std::string, int64_t>& counts) {
  constexpr size_t kMost = 10;
  std::vector<std::string> texts;
  for (const auto& [name, count] : counts) {
    if (texts.size() == kMost) break;
    texts.push_back(absl::StrCat(Shown(name), " (", count, ")"));
  }
  if (counts.size() > kMost) texts.push_back(absl::StrCat(counts.size() - kMost, " more"));
  return absl::StrJoin(texts, ", ");
}

void PrintImportReport(const std::string& log, const ImportReport& report) {
  std::cerr << log << ": " << report.imported << " imported, " << report.duplicates
            << " duplicates, " << report.skipped << " refused\n";
  for (const std::string& problem : report.problems) std::cerr << "  " << problem << "\n";
  Table table({"rows", "what", "template", "why"});
  for (const auto& [kind, count] : report.rows) {
    const std::string name = kind.template_name.empty() ? "-" : Shown(kind.template_name);
    table.Add({absl::StrCat(count), std::string(NameOf(kind.fate)), name,
               kind.reason.empty() ? "-" : Shown(kind.reason)});
  }
  if (!report.rows.empty()) table.Print(std::cerr);
}

}  // namespace tilewright
