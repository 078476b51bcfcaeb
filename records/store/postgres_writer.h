// The one connection that writes to records in a PostgreSQL database. It holds the database's
// advisory lock, so that one process writes; the lock goes with the connection.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "records/store/postgres.h"
#include "records/store/postgres_url.h"

namespace tilewright {

// What a process does that finds another one writing.
struct StandbyOptions {
  // Set: it waits, and this is called with "tilewright rack1 4711 (10.0.0.7)" when it begins and
  // whenever another one has the lock. Null: it is told Unavailable.
  std::function<void(const std::string& holder)> on_wait;
  // True: no longer (Cancelled). Asked several times a second; null: never.
  std::function<bool()> stop;
  // Called once, on any thread: another process wrote meanwhile, so that what this one
  // knows of its jobs is old, and all its commits fail from now on. May be null.
  std::function<void(const absl::Status&)> on_lost;
};

class PostgresWriter final : public SqlConnection {
 public:
  // Takes the lock, brings the tables to the newest schema and counts this writer. Statuses: as
  // PostgresConnection and MigratePostgres.
  static absl::StatusOr<std::unique_ptr<PostgresWriter>> Take(const PostgresUrl& url,
                                                              const StandbyOptions& standby);

  absl::Status Execute(const std::string& sql) override { return connection_->Execute(sql); }
  absl::StatusOr<std::unique_ptr<SqlStatement>> Prepare(const std::string& sql) override {
    return connection_->Prepare(sql);
  }
  ~PostgresWriter() override;  // lets go of the lock, not only of its connection

  // After a loss: connects and takes the lock again, trying for some seconds. Unavailable when that
  // does not succeed.
  absl::Status Begin() override;
  bool InTransaction() const override { return connection_->InTransaction(); }
  bool IsLost() const override { return !taken_over_.ok() || connection_->IsLost(); }
  void OnIdle() override;

 private:
  PostgresWriter(std::unique_ptr<PostgresConnection> connection, PostgresUrl url, int64_t epoch,
                 std::function<void(const absl::Status&)> on_lost)
      : connection_(std::move(connection)),
        url_(std::move(url)),
        epoch_(epoch),
        on_lost_(std::move(on_lost)) {}
  absl::Status Reconnect();
  absl::Status ConnectOnce();

  std::unique_ptr<PostgresConnection> connection_;
  const PostgresUrl url_;
  const int64_t epoch_;  // number of writers up to this one
  const std::function<void(const absl::Status&)> on_lost_;
  absl::Status taken_over_;  // not OK: for good
};

}  // namespace tilewright
