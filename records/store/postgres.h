// The little of PostgreSQL (libpq) that the store needs, with lifetimes and Status.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "records/store/postgres_url.h"
#include "records/store/sql.h"

struct pg_conn;
struct pg_result;

namespace tilewright {

enum class PostgresMode { kReadOnly, kReadWrite };

// Its indexes hold 64-bit hashes of keys and configs, because an entry of an index may have only
// 2.7 kB, and the places are a table of their own (records/schema/postgres).
inline constexpr SqlDialect kPostgresDialect = {
    .equal = "(hashtextextended($0, 0) = hashtextextended($1, 0) AND $0 = $1)",
    .contains = "strpos($0, $1) > 0",
    .by_index = "",
    .places = "SELECT workload, target FROM place ORDER BY workload, target",
    .targets = "SELECT target FROM place WHERE md5(workload) = md5(?1::text) AND workload = ?1",
    .has_long_indexes = false,
    .give_back = "VACUUM record"};

// The SQL that PostgreSQL takes for that with parameters as SQLite has them. REQUIRES: no '?' but
// those.
struct PostgresSql {
  std::string text;         // with $1, $2, ... without gaps
  std::vector<int> places;  // of parameter i + 1 in the text's, from 0; -1: it does not occur
  int parameters = 0;       // of the text
};
PostgresSql ToPostgres(std::string_view sql);

// Connected to the tables of the schema `tilewright`, with commits that wait for the disk.
class PostgresConnection final : public SqlConnection {
 public:
  // Unavailable when the server cannot be reached or lets nobody in, saying what to look at;
  // FailedPrecondition for a server before PostgreSQL 12.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(const PostgresUrl& url,
                                                                  PostgresMode mode);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  absl::Status Execute(const std::string& sql) override;
  absl::StatusOr<std::unique_ptr<SqlStatement>> Prepare(const std::string& sql) override;
  // In libpq's pipeline mode: many questions cost one way there and back.
  absl::Status QueryEach(const std::string& sql, size_t count, const BindOne& bind,
                         const VisitOne& visit) override;
  absl::Status Begin() override { return Execute("BEGIN"); }
  bool InTransaction() const override;
  bool IsLost() const override;

 private:
  friend class PostgresStatement;
  struct Prepared {
    PostgresSql sql;
    std::string name;  // "": not kept by the server
  };

  PostgresConnection(pg_conn* connection, PostgresUrl url)
      : connection_(connection), url_(std::move(url)) {}
  absl::Status Configure(PostgresMode mode);
  absl::StatusOr<std::shared_ptr<const Prepared>> PreparedOf(const std::string& sql);
  // Of a call that gave this result, freed here; null when there was no memory or connection.
  absl::Status Check(pg_result* result);
  absl::Status Error(const pg_result* result);

  pg_conn* connection_;
  const PostgresUrl url_;
  bool lost_ = false;
  std::unordered_map<std::string, std::shared_ptr<const Prepared>> kept_;  // by SQLite's text
};

}  // namespace tilewright
