#include "cli/open_records.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/farm_client.h"
#include "cli/paths.h"

namespace tilewright {
namespace {

constexpr char kFarm[] = "farm:";
constexpr char kSqliteMagic[] = "SQLite format 3";

// AutoTVM logs are text whose first line is JSON or a comment.
bool LooksLikeLog(const std::string& start) {
  const size_t first = start.find_first_not_of(" \t\r\n");
  return first != std::string::npos && (start[first] == '{' || start[first] == '#');
}

absl::StatusOr<std::unique_ptr<RecordStore>> ReadLog(const std::string& name, std::istream& in) {
  std::unique_ptr<RecordStore> store = MakeMemoryStore();
  TW_ASSIGN_OR_RETURN(const ImportReport report, ImportLog(in, *store));
  if (report.skipped > 0) PrintImportReport(name, report);
  return store;
}

absl::StatusOr<std::unique_ptr<RecordStore>> FetchRecords(const std::string& address) {
  TW_ASSIGN_OR_RETURN(std::string log, FarmClient(address).FetchBlob("records.log"));
  std::istringstream in(std::move(log));
  return ReadLog(address, in);
}

absl::StatusOr<std::string> StartOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const std::string what = absl::StrCat("cannot read ", path, ": ", std::strerror(errno));
    if (errno == ENOENT) return BadInput(absl::NotFoundError(what));
    return absl::PermissionDeniedError(what);
  }
  std::string start(4096, '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(in.gcount()));
  return start;
}

}  // namespace

std::string RecordsPath(const std::string& named) {
  return named.empty() ? DefaultRecordsPath() : named;
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenRecordsToRead(const std::string& named) {
  const std::string path = RecordsPath(named);
  std::error_code error;
  const bool nothing_yet = named.empty() && !std::filesystem::exists(path, error);
  if (named == "none" || nothing_yet) return MakeMemoryStore();
  if (absl::StartsWith(named, kFarm)) return FetchRecords(named.substr(sizeof(kFarm) - 1));
  TW_ASSIGN_OR_RETURN(const std::string start, StartOf(path));
  if (start.compare(0, sizeof(kSqliteMagic) - 1, kSqliteMagic) != 0 && LooksLikeLog(start)) {
    std::ifstream in(path, std::ios::binary);
    return ReadLog(path, in);
  }
  return OpenSqliteStore(path, /*read_only=*/true);
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenRecordsToWrite(const std::string& named) {
  return OpenSqliteStore(RecordsPath(named));
}

void PrintImportReport(const std::string& log, const ImportReport& report) {
  std::cerr << log << ": " << report.imported << " imported, " << report.duplicates
            << " duplicates, " << report.skipped << " skipped";
  if (report.reindexed > 0) std::cerr << ", " << report.reindexed << " indices replaced";
  std::cerr << "\n";
  for (const std::string& problem : report.problems) std::cerr << "  " << problem << "\n";
}

}  // namespace tilewright
