// Records as the user names them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/endpoints/server_option.h"
#include "records/formats/autotvm_log.h"
#include "records/store/record_store.h"

namespace tilewright {

struct RecordsOption {
  std::string named;
  TlsOptions tls;  // for a server's
};

// --records where all of these are meant, --tls and --insecure. `option` must live as long as the
// verb.
void AddRecordsOption(CLI::App* verb, RecordsOption* option);

// "farm:ADDRESS": records of a server.
bool IsFarm(const RecordsOption& option);
// REQUIRES: IsFarm(option).
absl::StatusOr<Endpoint> FarmOf(const RecordsOption& option);

// For reading: "" is the default file (no records when there is none yet), "none" is no records,
// "postgresql://..." are those of a database, a log is read into memory with its problems shown on
// stderr, anything else is a records file. A missing file is bad input, and so is a log of which no
// line can be read. Those of a server are a RecordsSource's (cli/endpoints/records_source.h).
absl::StatusOr<std::unique_ptr<RecordStore>> OpenRecordsToRead(const std::string& named);

// For writing, a file or a database: "" is the default file, made when missing. Wrong usage for
// what is only read from: "none" and farms.
absl::StatusOr<std::unique_ptr<RecordStore>> OpenRecordsToWrite(const std::string& named);

// InvalidArgument when no line of a log could be read.
absl::Status CheckReadable(const ImportReport& report);

// --records of verbs that take a file or a database only, and write.
inline constexpr char kOwnRecordsHelp[] =
    "records file or postgresql://USER@HOST/DATABASE (default: $TILEWRIGHT_RECORDS or the user's "
    "data folder)";

// The file or URL that "" or a name stands for; people are shown its ShownRecords.
std::string RecordsPath(const std::string& named);

// "conv2d_NCHWc.x86 (35), dense_pack.x86 (3)", the first 10.
std::string CountsText(const std::map<std::string, int64_t>& counts);

// "1042 imported, 3 duplicates, 1 refused", the problems and a table of what became of the lines,
// for stderr.
void PrintImportReport(const std::string& log, const ImportReport& report);

}  // namespace tilewright
