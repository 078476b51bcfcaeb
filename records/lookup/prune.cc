#include "records/lookup/prune.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "base/status_macros.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "records/store/open_store.h"
#include "records/store/postgres.h"
#include "records/store/record_store.h"
#include "records/store/sqlite.h"

namespace tilewright {
namespace {

constexpr int kFastest = 16;

// A config of a workload for a target: all of its measurements stay, or none.
constexpr char kConfig[] = "workload, target, threads, template, config";
constexpr char kKeep[] = "INSERT INTO kept SELECT ";
constexpr char kOnce[] = " ON CONFLICT DO NOTHING";  // after a WHERE
constexpr char kUsable[] = "median IS NOT NULL AND class IN ('ok', 'late', 'imported')";

absl::Status CheckNoJob(const RecordStore& store) {
  TW_ASSIGN_OR_RETURN(const std::vector<JobRow> jobs, store.Jobs(/*unfinished=*/true));
  if (jobs.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(jobs.size(), jobs.size() == 1 ? " job is" : " jobs are",
                   " unfinished and would be resumed from their records, the first is ",
                   jobs.front().id, "; let them end, or cancel them, and stop the server"));
}

absl::Status KeepOld(SqlConnection& file, const PruneRule& rule) {
  TW_ASSIGN_OR_RETURN(
      const auto keep,
      file.Prepare(absl::StrCat(
          kKeep, kConfig, " FROM (SELECT ", kConfig,
          ", unix_time, row_number() OVER (PARTITION BY workload, template, target, device_key "
          "ORDER BY id DESC) AS age FROM record) AS aged WHERE unix_time >= ?1 OR age <= ?2",
          kOnce)));
  keep->Bind(1, rule.before);
  keep->Bind(2, rule.newest);
  return keep->Step().status();
}

// The newest row too, so that no later one gets its id.
absl::Status KeepNamed(SqlConnection& file, const PruneRule& rule) {
  TW_RETURN_IF_ERROR(file.Execute(absl::StrCat(
      kKeep, kConfig, " FROM record WHERE class = 'in_network' OR foreign_args <> '' OR ",
      "id = (SELECT max(id) FROM record) OR id IN (SELECT record FROM revocation)", kOnce)));
  TW_ASSIGN_OR_RETURN(
      const auto keep,
      file.Prepare(absl::StrCat(kKeep, kConfig, " FROM record WHERE run_id = ?1", kOnce)));
  for (const std::string& run_id : rule.run_ids) {
    keep->Bind(1, run_id);
    TW_RETURN_IF_ERROR(keep->Step().status());
    keep->Reset();
  }
  return absl::OkStatus();
}

// What was measured after the newest decision on a device may take its place
// (records/lookup/decision.h).
absl::Status KeepLaterThanDecisions(SqlConnection& file) {
  return file.Execute(absl::StrCat(
      kKeep, "r.workload, r.target, r.threads, r.template, r.config FROM record AS r JOIN (SELECT ",
      "workload, target, threads, min(unix_time) AS since FROM (SELECT workload, target, threads, ",
      "unix_time, row_number() OVER (PARTITION BY workload, target, threads, device_key ORDER BY ",
      "id DESC) AS age FROM record WHERE class = 'in_network' AND id NOT IN (SELECT record FROM ",
      "revocation)) AS decided WHERE age = 1 GROUP BY workload, target, threads) AS d ON ",
      "r.workload = d.workload AND r.target = d.target AND r.threads = d.threads ",
      "WHERE r.unix_time > d.since", kOnce));
}

// The fastest configs of each group by RecordStore::Best's rule: the middle measurement, of two the
// faster.
absl::Status KeepFastest(SqlConnection& file, absl::string_view group) {
  return file.Execute(absl::StrCat(
      "INSERT INTO kept WITH measured AS (SELECT ", kConfig,
      ", anchor, device_key, median, row_number() OVER (", "PARTITION BY ", group,
      ", template, config ORDER BY median) AS place, count(*) OVER (", "PARTITION BY ", group,
      ", template, config) AS measurements FROM record WHERE ", kUsable,
      "), ranked AS (SELECT *, row_number() OVER (PARTITION BY ", group, " ORDER BY median) AS ",
      "rank FROM measured WHERE place = (measurements + 1) / 2), best AS (SELECT * FROM ranked ",
      "WHERE rank <= ", kFastest, ") SELECT DISTINCT r.workload, r.target, r.threads, ",
      "r.template, r.config FROM best JOIN record AS r ON r.anchor = best.anchor AND ",
      "r.target = best.target AND r.threads = best.threads AND r.template = best.template AND ",
      "r.config = best.config WHERE true", kOnce));
}

absl::Status KeepDefault(SqlStatement& keep, const Workload& workload, const Target& target,
                         bool exact) {
  const std::optional<TemplateEntry> untuned = UntunedTemplate(workload, target, exact);
  if (!untuned) return absl::OkStatus();
  const ConfigSpace space = untuned->impl->Space(workload, target);
  TW_ASSIGN_OR_RETURN(const uint64_t index,
                      space.IndexOf(untuned->impl->Default(workload, target)));
  keep.Bind(1, workload.Key());
  keep.Bind(2, ToString(target));
  keep.Bind(3, untuned->name);
  keep.Bind(4, EntitiesToJson(space.At(index)));
  TW_RETURN_IF_ERROR(keep.Step().status());
  keep.Reset();
  return absl::OkStatus();
}

// Keys that no workload or target of today has have no default.
absl::Status KeepDefaults(SqlConnection& file, const SqlDialect& dialect) {
  TW_ASSIGN_OR_RETURN(
      const auto keep,
      file.Prepare(absl::StrCat(kKeep, kConfig, " FROM record WHERE ",
                                absl::Substitute(dialect.equal, "workload", "?1"),
                                " AND target = ?2 AND template = ?3 AND ",
                                absl::Substitute(dialect.equal, "config", "?4"), kOnce)));
  TW_ASSIGN_OR_RETURN(const auto each,
                      file.Prepare("SELECT DISTINCT workload, target FROM record"));
  while (true) {
    TW_ASSIGN_OR_RETURN(const bool more, each->Step());
    if (!more) return absl::OkStatus();
    const absl::StatusOr<Workload> workload = ParseWorkload(each->Text(0));
    const absl::StatusOr<Target> target = ParseTarget(each->Text(1));
    if (!workload.ok() || !target.ok()) continue;
    for (const bool exact : {false, true}) {
      TW_RETURN_IF_ERROR(KeepDefault(*keep, *workload, *target, exact));
    }
  }
}

absl::Status FillKept(SqlConnection& file, const SqlDialect& dialect, const PruneRule& rule) {
  TW_RETURN_IF_ERROR(file.Execute(
      absl::StrCat("CREATE TEMP TABLE kept AS SELECT ", kConfig, " FROM record WHERE false")));
  if (dialect.has_long_indexes) {
    TW_RETURN_IF_ERROR(
        file.Execute(absl::StrCat("CREATE UNIQUE INDEX temp.kept_once ON kept (", kConfig, ")")));
  }
  TW_RETURN_IF_ERROR(KeepOld(file, rule));
  TW_RETURN_IF_ERROR(KeepNamed(file, rule));
  TW_RETURN_IF_ERROR(KeepLaterThanDecisions(file));
  for (const char* group : {"workload, target, threads, device_key", "workload, target, threads",
                            "anchor, target, threads, device_key", "anchor, target, threads"}) {
    TW_RETURN_IF_ERROR(KeepFastest(file, group));
  }
  return KeepDefaults(file, dialect);
}

constexpr char kGone[] =
    "NOT EXISTS (SELECT 1 FROM kept AS k WHERE k.workload = record.workload AND k.target = "
    "record.target AND k.threads = record.threads AND k.template = record.template AND k.config = "
    "record.config)";

absl::StatusOr<PruneReport> Prune(SqlConnection& file, const SqlDialect& dialect,
                                  const PruneRule& rule, bool dry_run) {
  TW_RETURN_IF_ERROR(FillKept(file, dialect, rule));
  TW_ASSIGN_OR_RETURN(const int64_t all, file.QueryInt("SELECT count(*) FROM record"));
  PruneReport report;
  TW_ASSIGN_OR_RETURN(report.removed,
                      file.QueryInt(absl::StrCat("SELECT count(*) FROM record WHERE ", kGone)));
  report.left = all - report.removed;
  if (dry_run || report.removed == 0) return report;
  TW_RETURN_IF_ERROR(file.Execute(absl::StrCat("DELETE FROM record WHERE ", kGone)));
  TW_RETURN_IF_ERROR(file.Execute(dialect.give_back));
  return report;
}

}  // namespace

absl::StatusOr<PruneReport> PruneRecords(const std::string& named, const PruneRule& rule,
                                         bool dry_run) {
  TW_RETURN_IF_ERROR(OpenStore(named, /*read_only=*/true).status());
  // Keeps other writers away, and brings the schema up to date.
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<RecordStore> store, OpenStore(named));
  TW_RETURN_IF_ERROR(CheckNoJob(*store));
  if (IsPostgresUrl(named)) {
    TW_ASSIGN_OR_RETURN(const PostgresUrl url, ParsePostgresUrl(named));
    TW_ASSIGN_OR_RETURN(const std::unique_ptr<PostgresConnection> database,
                        PostgresConnection::Open(url, PostgresMode::kReadWrite));
    return Prune(*database, kPostgresDialect, rule, dry_run);
  }
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteConnection> file,
                      SqliteConnection::Open(named, SqliteMode::kReadWriteCreate));
  return Prune(*file, kSqliteDialect, rule, dry_run);
}

}  // namespace tilewright
