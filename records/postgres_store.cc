#include "records/postgres_store.h"

#include <utility>

#include "base/status_macros.h"
#include "records/postgres_schema.h"
#include "records/sql_store.h"

namespace tilewright {
namespace {

SqlReaders::Open PostgresReaderOf(const PostgresUrl& url) {
  return [url] { return PostgresConnection::Open(url, PostgresMode::kReadOnly); };
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordStore>> OpenPostgresStore(const std::string& url,
                                                               const StandbyOptions& standby) {
  TW_ASSIGN_OR_RETURN(const PostgresUrl parsed, ParsePostgresUrl(url));
  TW_ASSIGN_OR_RETURN(std::unique_ptr<PostgresWriter> writer,
                      PostgresWriter::Take(parsed, standby));
  // The writer brought the tables up to date.
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<PostgresConnection> reader,
                      PostgresConnection::Open(parsed, PostgresMode::kReadOnly));
  TW_ASSIGN_OR_RETURN(const int64_t version, CheckPostgresSchema(*reader));
  return MakeSqlStore({.schema = {kPostgresDialect, version},
                       .writer = std::make_unique<GroupWriter>(std::move(writer)),
                       .open_reader = PostgresReaderOf(parsed)});
}

absl::StatusOr<std::unique_ptr<RecordStore>> ReadPostgresStore(const std::string& url) {
  TW_ASSIGN_OR_RETURN(const PostgresUrl parsed, ParsePostgresUrl(url));
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<PostgresConnection> reader,
                      PostgresConnection::Open(parsed, PostgresMode::kReadOnly));
  TW_ASSIGN_OR_RETURN(const int64_t version, CheckPostgresSchema(*reader));
  return MakeSqlStore(
      {.schema = {kPostgresDialect, version}, .open_reader = PostgresReaderOf(parsed)});
}

}  // namespace tilewright
