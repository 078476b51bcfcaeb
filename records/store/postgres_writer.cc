#include "records/store/postgres_writer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/store/postgres_schema.h"

namespace tilewright {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Advisory locks are of one database; "TWRC" as in SQLite's application_id.
constexpr int64_t kLock = 0x54575243;

constexpr milliseconds kEndNoticed{1000};    // that a database takes for a writer's end, at most
constexpr milliseconds kPoll{250};           // between two tries of a standby to take the lock
constexpr milliseconds kStandbyPause{2000};  // of one that lost its connection: the writer first
constexpr milliseconds kFirstPause{50};      // of a writer between tries to connect, then doubled
constexpr milliseconds kLongestTry{5000};    // of one commit: its callers wait meanwhile

absl::StatusOr<bool> TryLock(PostgresConnection& connection) {
  TW_ASSIGN_OR_RETURN(
      const int64_t taken,
      connection.QueryInt(absl::StrCat("SELECT pg_try_advisory_lock(", kLock, ")::integer")));
  return taken == 1;
}

// "tilewright rack1 4711 (10.0.0.7)"; "" when the lock was let go meanwhile.
absl::StatusOr<std::string> Holder(PostgresConnection& connection) {
  return connection.QueryText(absl::StrCat(
      "SELECT application_name || ' (' || coalesce(host(client_addr), 'this machine') || ')' "
      "FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted AND "
      "pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND "
      "classid = 0 AND objid = ",
      kLock, " LIMIT 1"));
}

absl::Status HeldBy(const PostgresUrl& url, const std::string& holder) {
  return absl::UnavailableError(
      absl::StrCat("another process is writing to the records in ", url.shown, ": ", holder,
                   "; wait for it, or ask its server with --records farm:HOST:PORT"));
}

// Sleeps, in short steps; false when it is to stop.
bool Pause(milliseconds time, const StandbyOptions& standby) {
  for (const auto end = Steady::now() + time; Steady::now() < end;) {
    if (standby.stop && standby.stop()) return false;
    std::this_thread::sleep_for(std::min(kPoll / 2, time));
  }
  return !(standby.stop && standby.stop());
}

// Waits as `standby` says until this connection has the lock.
absl::Status TakeLock(PostgresConnection& connection, const PostgresUrl& url,
                      const StandbyOptions& standby, std::optional<std::string>* told) {
  const auto soon = Steady::now() + kEndNoticed;
  while (true) {
    TW_ASSIGN_OR_RETURN(const bool taken, TryLock(connection));
    if (taken) return absl::OkStatus();
    TW_ASSIGN_OR_RETURN(const std::string holder, Holder(connection));
    const bool waits = standby.on_wait || Steady::now() < soon;
    if (!waits) return HeldBy(url, holder);
    if (standby.on_wait && !holder.empty() && *told != holder) standby.on_wait(*(*told = holder));
    if (!Pause(kPoll, standby)) return absl::CancelledError("told to stop; another one writes");
  }
}

// A connection with the lock. A standby outlives its connection.
absl::StatusOr<std::unique_ptr<PostgresConnection>> ConnectWithLock(const PostgresUrl& url,
                                                                    const StandbyOptions& standby) {
  for (std::optional<std::string> told;;) {
    absl::StatusOr<std::unique_ptr<PostgresConnection>> connection =
        PostgresConnection::Open(url, PostgresMode::kReadWrite);
    absl::Status status = connection.status();
    if (status.ok()) status = TakeLock(**connection, url, standby, &told);
    if (status.ok()) return connection;
    if (!told || !absl::IsUnavailable(status)) return status;
    if (!Pause(kStandbyPause, standby)) return absl::CancelledError(status.message());
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresWriter>> PostgresWriter::Take(
    const PostgresUrl& url, const StandbyOptions& standby) {
  TW_ASSIGN_OR_RETURN(std::unique_ptr<PostgresConnection> connection,
                      ConnectWithLock(url, standby));
  TW_RETURN_IF_ERROR(MigratePostgres(*connection));
  TW_ASSIGN_OR_RETURN(const int64_t epoch,
                      connection->QueryInt("UPDATE store SET epoch = epoch + 1 RETURNING epoch"));
  return std::unique_ptr<PostgresWriter>(
      new PostgresWriter(std::move(connection), url, epoch, standby.on_lost));
}

// The database would notice a closed connection a moment later.
PostgresWriter::~PostgresWriter() {
  if (!connection_->IsLost()) connection_->Execute("SELECT pg_advisory_unlock_all()").IgnoreError();
}

absl::Status PostgresWriter::Begin() {
  if (IsLost()) TW_RETURN_IF_ERROR(Reconnect());
  return connection_->Begin();
}

void PostgresWriter::OnIdle() {
  if (!taken_over_.ok()) return;
  if (connection_->QueryInt("SELECT 1").ok()) return;
  ConnectOnce().IgnoreError();  // the next commit says what is wrong
}

absl::Status PostgresWriter::Reconnect() {
  const auto end = Steady::now() + kLongestTry;
  for (milliseconds pause = kFirstPause;; pause *= 2) {
    const absl::Status status = ConnectOnce();
    const bool again = absl::IsUnavailable(status) && taken_over_.ok();
    if (!again || Steady::now() + pause > end) return status;
    std::this_thread::sleep_for(pause);
  }
}

absl::Status PostgresWriter::ConnectOnce() {
  TW_RETURN_IF_ERROR(taken_over_);
  TW_ASSIGN_OR_RETURN(std::unique_ptr<PostgresConnection> fresh,
                      PostgresConnection::Open(url_, PostgresMode::kReadWrite));
  TW_ASSIGN_OR_RETURN(const bool taken, TryLock(*fresh));
  TW_ASSIGN_OR_RETURN(const int64_t epoch, fresh->QueryInt("SELECT epoch FROM store"));
  if (epoch != epoch_) {
    taken_over_ = absl::UnavailableError(
        absl::StrCat("another server has taken over the records in ", url_.shown,
                     " while this one had no connection; start it again, it then waits its turn"));
    if (on_lost_) on_lost_(taken_over_);
    return taken_over_;
  }
  if (!taken) {  // by our own session, of whose end the database does not know yet, or a standby
    TW_ASSIGN_OR_RETURN(const std::string holder, Holder(*fresh));
    return HeldBy(url_, holder);
  }
  connection_ = std::move(fresh);
  return absl::OkStatus();
}

}  // namespace tilewright
