#include "records/store/postgres_store.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/status_macros.h"
#include "records/store/postgres_schema.h"
#include "records/store/sql_store.h"

namespace tilewright {
namespace {

SqlReaders::Open PostgresReaderOf(const PostgresUrl& url) {
  return [url] { return PostgresConnection::Open(url, PostgresMode::kReadOnly); };
}

// The other end of a connection may go away, and the lock with it, while nobody writes.
class ConnectionWatch {
 public:
  // `writer` outlives this.
  explicit ConnectionWatch(GroupWriter& writer)
      : thread_([this, &writer](const std::stop_token& stop) { Loop(writer, stop); }) {}

 private:
  static constexpr std::chrono::seconds kPeriod{5};

  void Loop(GroupWriter& writer, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      changed_.wait_for(lock, stop, kPeriod, [] { return false; });
      if (!stop.stop_requested()) writer.LookAfterConnection();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;  // last: it uses the above
};

}  // namespace

absl::StatusOr<std::unique_ptr<RecordStore>> OpenPostgresStore(const std::string& url,
                                                               const StandbyOptions& standby) {
  TW_ASSIGN_OR_RETURN(const PostgresUrl parsed, ParsePostgresUrl(url));
  TW_ASSIGN_OR_RETURN(std::unique_ptr<PostgresWriter> connection,
                      PostgresWriter::Take(parsed, standby));
  // The writer brought the tables up to date.
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<PostgresConnection> reader,
                      PostgresConnection::Open(parsed, PostgresMode::kReadOnly));
  TW_ASSIGN_OR_RETURN(const int64_t version, CheckPostgresSchema(*reader));
  auto writer = std::make_unique<GroupWriter>(std::move(connection));
  auto watch = std::make_shared<ConnectionWatch>(*writer);
  return MakeSqlStore({.schema = {kPostgresDialect, version},
                       .writer = std::move(writer),
                       .check = std::move(watch),
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
