#include "records/store/places.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

// The next workload and target in the order of their keys, by a step in an index. Asked in two
// parts: of "(workload, target) > (?, ?)" SQLite would walk all rows that are equal.
absl::StatusOr<std::optional<Place>> NextPlace(const Place& after, SqlReaders& readers) {
  std::optional<Place> next;
  for (const bool same_workload : {true, false}) {
    const auto bind = [&](SqlStatement& statement) {
      statement.Bind(1, after.workload);
      if (same_workload) statement.Bind(2, after.target);
    };
    const auto visit = [&](const SqlStatement& row) {
      next = Place{row.Text(0), row.Text(1)};
      return false;
    };
    const std::string sql = absl::StrCat("SELECT workload, target FROM record WHERE workload ",
                                         same_workload ? "= ? AND target > ?" : "> ?",
                                         " ORDER BY workload, target LIMIT 1");
    TW_RETURN_IF_ERROR(readers.Query(sql, bind, visit).status());
    if (next) break;
  }
  return next;
}

}  // namespace

absl::StatusOr<std::vector<Place>> Places(const SqlSchema& schema, SqlReaders& readers) {
  std::vector<Place> all;
  if (schema.dialect.places != nullptr) {
    const auto visit = [&](const SqlStatement& row) {
      all.push_back({row.Text(0), row.Text(1)});
      return true;
    };
    const auto nothing = [](SqlStatement&) {};
    TW_RETURN_IF_ERROR(readers.Query(schema.dialect.places, nothing, visit).status());
    return all;
  }
  for (Place at;;) {
    TW_ASSIGN_OR_RETURN(std::optional<Place> next, NextPlace(at, readers));
    if (!next) return all;
    all.push_back(at = *std::move(next));
  }
}

}  // namespace tilewright
