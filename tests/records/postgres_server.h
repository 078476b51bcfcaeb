// A PostgreSQL server of the test program's own, in a temporary folder, on a Unix socket and on a
// port of 127.0.0.1.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/records/sample_records.h"

namespace tilewright {

class PostgresServer {
 public:
  // Makes its files and starts it, as an unprivileged user when this one is root. Unavailable when
  // Debian's postgresql-15 is not installed or does not start.
  static absl::StatusOr<std::unique_ptr<PostgresServer>> Start();
  // The program's, started with its first use and stopped at its end. Fails the test without one.
  static PostgresServer& Shared();
  ~PostgresServer();

  // The URL of a new database.
  std::string NewDatabase();
  // Runs an SQL statement; the first column of its first row, "" without one.
  std::string Query(const std::string& url, const std::string& sql);
  // Ends every session at once.
  void Kill();
  // After Kill.
  absl::Status Run();
  int port() const { return port_; }

 private:
  PostgresServer() = default;
  std::string UrlOf(const std::string& database) const;

  TempFolder folder_;
  pid_t pid_ = -1;
  int port_ = 0;
  int databases_ = 0;
};

}  // namespace tilewright
