// URLs of databases: never shown with a password.
#include "records/postgres_url.h"

#include "base/check.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget postgres_url() {
  return {{"postgresql://ann:secret@db.example:5432/farm?sslmode=require",
           "postgres:///farm?host=/run/postgresql"},
          [](std::string_view text) {
            const auto url = ParsePostgresUrl(std::string(text));
            if (!url.ok()) return false;
            const bool secret = url->shown.find("secret@") != std::string::npos;
            TW_CHECK(!secret) << url->shown;
            return true;
          }};
}

}  // namespace tilewright
