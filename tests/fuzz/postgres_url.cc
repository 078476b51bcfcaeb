// URLs of databases: never shown with a password.
#include "records/store/postgres_url.h"

#include <algorithm>

#include "base/check.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget postgres_url() {
  return {.seeds = {"postgresql://ann:secret@db.example:5432/farm?sslmode=require",
                    "postgres:///farm?host=/run/postgresql"},
          .read =
              [](std::string_view text) {
                const auto url = ParsePostgresUrl(std::string(text));
                if (!url.ok()) return false;
                const std::string& shown = url->shown;
                const std::string user = shown.substr(0, shown.find('@'));
                const bool secret = shown.find('@') != std::string::npos &&
                                    user.find(':', user.find("//")) != std::string::npos;
                TW_CHECK(!secret) << shown;
                TW_CHECK(std::all_of(shown.begin(), shown.end(), [](char c) {
                  return c > ' ' && c < '\x7f';
                })) << shown;
                return true;
              },
          .broke = {"postgresql:///farm?user=ann:x", "postgresql://ann@db/farm%0a%1b%5b2J"}};
}

}  // namespace tilewright
