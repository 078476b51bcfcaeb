// Records in a PostgreSQL database as the user names them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tilewright {

// "postgresql://..." or "postgres://...".
bool IsPostgresUrl(absl::string_view text);

struct PostgresUrl {
  std::string url;    // for libpq only: it may hold a password
  std::string shown;  // for people: "postgresql://ann@db.example:5432/farm", never a password;
                      // printable ASCII, the rest %-encoded
};

// InvalidArgument, which repeats nothing of the text, for one that libpq does not take or that has
// a password with an '@', '/', '?' or '#' that is not %-encoded: such a password would be taken for
// a host or a database and shown. What the URL leaves out libpq takes from PGHOST, PGUSER,
// PGPASSWORD, ~/.pgpass and so on.
absl::StatusOr<PostgresUrl> ParsePostgresUrl(const std::string& text);

// How people are told of records that bear any name: of a URL nothing secret.
std::string ShownRecords(const std::string& named);

}  // namespace tilewright
