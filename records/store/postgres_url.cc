#include "records/store/postgres_url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ConnectionOptions = std::unique_ptr<PQconninfoOption, FreeOptions>;

absl::Status BadUrl() {
  return absl::InvalidArgumentError(
      "--records has a PostgreSQL URL that cannot be read; write "
      "postgresql://USER@HOST:PORT/DATABASE, with the password in ~/.pgpass or PGPASSWORD (in the "
      "URL '@' is %40, '/' %2F, '?' %3F, '#' %23)");
}

std::string ValueOf(const PQconninfoOption* option, std::string_view keyword) {
  for (; option->keyword != nullptr; ++option) {
    if (keyword == option->keyword) return option->val ? option->val : "";
  }
  return "";
}

// A password's '@', or what comes before it, as a part of another field.
bool LooksMisread(const std::string& text, const std::string& port) {
  const size_t start = text.find("://") + 3;
  const size_t authority_end = std::min(text.find_first_of("/?#", start), text.size());
  const auto signs = std::count(text.begin() + static_cast<ptrdiff_t>(start), text.end(), '@');
  const size_t sign = text.find('@', start);
  const bool one_before_host = signs == 0 || (signs == 1 && sign < authority_end);
  const bool numeric = port.find_first_not_of("0123456789,") == std::string::npos;
  return !one_before_host || !numeric || absl::StrContains(text, '#');
}

// Whatever else is in a field may end it, pass for a password or be no text for a terminal.
std::string Escaped(const std::string& field, std::string_view also) {
  std::string escaped;
  for (const char c : field) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._~", c) ||
        also.find(c) != also.npos) {
      escaped += c;
    } else {
      absl::StrAppend(&escaped, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return escaped;
}

std::string ShownOf(const PQconninfoOption* options) {
  const std::string user = Escaped(ValueOf(options, "user"), "");
  const std::string port = ValueOf(options, "port");  // digits and commas
  std::string host = ValueOf(options, "host");
  if (host.empty()) host = ValueOf(options, "hostaddr");
  return absl::StrCat("postgresql://", user, user.empty() ? "" : "@", Escaped(host, ",:/"),
                      port.empty() ? "" : ":", port, "/", Escaped(ValueOf(options, "dbname"), ""));
}

}  // namespace

bool IsPostgresUrl(absl::string_view text) {
  return absl::StartsWith(text, "postgresql://") || absl::StartsWith(text, "postgres://");
}

absl::StatusOr<PostgresUrl> ParsePostgresUrl(const std::string& text) {
  char* error = nullptr;
  const ConnectionOptions options(PQconninfoParse(text.c_str(), &error));
  PQfreemem(error);  // it may quote the password
  const bool readable = options != nullptr && IsPostgresUrl(text) &&
                        text.find('\0') == std::string::npos &&
                        !LooksMisread(text, ValueOf(options.get(), "port"));
  if (!readable) return BadUrl();
  return PostgresUrl{text, ShownOf(options.get())};
}

std::string ShownRecords(const std::string& named) {
  if (!IsPostgresUrl(named)) return named;
  const absl::StatusOr<PostgresUrl> url = ParsePostgresUrl(named);
  return url.ok() ? url->shown : "postgresql://...";
}

}  // namespace tilewright
