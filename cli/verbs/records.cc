// tilewright records: import, export, pick-best, backup, check, prune, revoke, revoked.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "cli/endpoints/filter_options.h"
#include "cli/endpoints/open_records.h"
#include "cli/endpoints/records_source.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/model/template_index.h"
#include "cli/verb.h"
#include "cli/verbs/records_prune.h"
#include "cli/verbs/records_revoke.h"
#include "records/formats/import_format.h"
#include "records/formats/log_file.h"
#include "records/formats/tophub.h"
#include "records/store/maintenance.h"
#include "records/store/postgres_store.h"
#include "records/store/postgres_url.h"

namespace tilewright {
namespace {

struct Options {
  RecordsOption records;
  std::string input, output;
  std::vector<std::string> inputs;  // of pick-best
  std::string tophub;               // of export: a kind of target
  std::string format = "autotvm";   // of import
  RecordFilter filter;
};

absl::StatusOr<std::unique_ptr<LogFile>> OpenInput(const std::string& path) {
  absl::StatusOr<std::unique_ptr<LogFile>> log = LogFile::Open(path);
  if (!log.ok()) return BadInput(log.status());
  return log;
}

// "-" is stdout.
absl::Status WriteTo(const std::string& path, const std::vector<std::string>& inputs,
                     const std::function<absl::Status(std::ostream&)>& write) {
  if (path == "-") return write(std::cout);
  OutputFile file(path, FileKind::kLog, inputs);
  TW_RETURN_IF_ERROR(file.status());
  const absl::Status written = write(file.stream());
  return written.ok() || !file.stream() ? file.Commit() : written;
}

std::vector<std::string> FormatNames() {
  std::vector<std::string> names;
  for (const ImportFormat& format : ImportFormats()) names.emplace_back(format.name);
  return names;
}

std::unique_ptr<LineReader> ReaderOf(const Options& options) {
  const auto format =
      std::find_if(ImportFormats().begin(), ImportFormats().end(),
                   [&](const ImportFormat& one) { return one.name == options.format; });
  return format->open(std::filesystem::path(options.input).filename());
}

absl::Status Import(const Options& options) {
  TW_ASSIGN_OR_RETURN(const auto log, OpenInput(options.input));
  TW_ASSIGN_OR_RETURN(const auto store, OpenRecordsToWrite(options.records.named));
  TW_ASSIGN_OR_RETURN(const ImportReport report,
                      ImportLog(log->stream(), *ReaderOf(options), *store, PlaceInTemplate));
  PrintImportReport(options.input, report);
  TW_RETURN_IF_ERROR(log->status());
  return CheckReadable(report);
}

absl::Status ExportPackage(const Options& options, const RecordScan& records, std::ostream& out) {
  TW_ASSIGN_OR_RETURN(const TopHubReport report,
                      ExportTopHub(records, options.tophub, options.filter, out));
  std::cerr << report.rows << " rows exported\n";
  for (const auto& [why, count] : report.left_out) {
    std::cerr << "  left out: " << count << " records of " << Shown(why) << "\n";
  }
  return absl::OkStatus();
}

absl::Status Export(const Options& options) {
  TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
  const std::string input = RecordsPath(options.records.named);
  return WriteTo(options.output, {input}, [&](std::ostream& out) -> absl::Status {
    if (!options.tophub.empty()) return ExportPackage(options, records, out);
    TW_ASSIGN_OR_RETURN(const int64_t lines, ExportLog(records, options.filter, out));
    std::cerr << lines << " records exported\n";
    return absl::OkStatus();
  });
}

absl::Status PickBest(const Options& options) {
  std::vector<std::unique_ptr<LogFile>> logs;
  std::vector<std::istream*> streams;
  for (const std::string& path : options.inputs) {
    TW_ASSIGN_OR_RETURN(logs.emplace_back(), OpenInput(path));
    streams.push_back(&logs.back()->stream());
  }
  return WriteTo(options.output, options.inputs, [&](std::ostream& out) -> absl::Status {
    TW_ASSIGN_OR_RETURN(const ImportReport report, PickBestOfLogs(streams, out));
    std::cerr << report.imported << " best records written, " << report.skipped
              << " lines refused\n";
    for (const std::string& problem : report.problems) std::cerr << "  " << problem << "\n";
    for (const auto& log : logs) TW_RETURN_IF_ERROR(log->status());
    return CheckReadable(report);
  });
}

absl::Status Backup(const Options& options) {
  const std::string path = RecordsPath(options.records.named);
  if (IsPostgresUrl(path)) {
    return UsageError(absl::StrCat(
        "a database has its own copies: pg_dump --format=custom --schema=tilewright --file=",
        options.output, " ", ShownRecords(path), ", and pg_restore to read them back"));
  }
  TW_ASSIGN_OR_RETURN(const int64_t rows, BackUpRecords(path, options.output));
  std::cerr << rows << " records copied and checked\n";
  return absl::OkStatus();
}

absl::StatusOr<int64_t> CheckRecords(const std::string& path) {
  if (!IsPostgresUrl(path)) return CheckRecordsFile(path);
  TW_ASSIGN_OR_RETURN(const auto store, ReadPostgresStore(path));
  return CheckStore(*store);
}

absl::Status Check(const Options& options) {
  const std::string path = RecordsPath(options.records.named);
  TW_ASSIGN_OR_RETURN(const int64_t rows, CheckRecords(path));
  std::cout << ShownRecords(path) << ": " << rows << " records, sound\n";
  return absl::OkStatus();
}

using Action = absl::Status (*)(const Options&);

// A verb of the group with the option --records.
CLI::App* Add(CLI::App* group, const std::shared_ptr<Options>& options, VerbInfo info,
              Action action) {
  CLI::App* verb = AddVerb(*group, std::move(info), [options, action] { return action(*options); });
  verb->add_option("--records", options->records.named, kOwnRecordsHelp);
  return verb;
}

void AddImport(CLI::App* group, const std::shared_ptr<Options>& options) {
  CLI::App* verb = Add(group, options,
                       {"import", "adds the lines of an AutoTVM log (0.1, 0.2)",
                        "  $ tilewright records import cuda_v0.10.log\n"
                        "  cuda_v0.10.log: 824 imported, 1 duplicates, 0 refused\n"
                        "  $ tilewright records import --format miopen gfx90a68.HIP.fdb.txt\n"},
                       Import);
  verb->add_option("--format", options->format,
                   "autotvm; or MIOpen's find-db, aiter's tables of tuned GEMMs: measurements of "
                   "kernels that are not tilewright's, which explain shows")
      ->check(CLI::IsMember(FormatNames()))
      ->capture_default_str();
  verb->add_option("LOG", options->input, "log file")->required();
}

void AddExport(CLI::App* group, const std::shared_ptr<Options>& options) {
  CLI::App* verb = AddVerb(*group,
                           {"export", "writes records as an AutoTVM log (0.2)",
                            "  $ tilewright records export -o conv.log --op conv2d\n"
                            "  1042 records exported\n"
                            "  $ tilewright records export --tophub cuda -o cuda_v0.11.log\n"
                            "  814 rows exported\n"},
                           [options] { return Export(*options); });
  AddRecordsOption(verb, &options->records);
  verb->add_option("-o,--output", options->output, "log file, - for stdout")->required();
  verb->add_option("--tophub", options->tophub,
                   "the best row of each device and workload of this kind of target, as a TopHub "
                   "package that AutoTVM reads")
      ->check(CLI::IsMember({"cuda", "opencl", "llvm"}));
  AddFilterOptions(verb, &options->filter);
}

void AddPickBest(CLI::App* group, const std::shared_ptr<Options>& options) {
  CLI::App* verb =
      AddVerb(*group,
              {"pick-best", "merges logs into the best line of each target, device and workload",
               "  $ tilewright records pick-best monday.log tuesday.log -o best.log\n"
               "  53 best records written, 0 lines refused\n"},
              [options] { return PickBest(*options); });
  verb->add_option("LOG", options->inputs, "log files")->required();
  verb->add_option("-o,--output", options->output, "log file, - for stdout")->required();
}

void AddBackup(CLI::App* group, const std::shared_ptr<Options>& options) {
  CLI::App* verb = Add(group, options,
                       {"backup", "copies the records while they are in use, and checks the copy",
                        "  $ tilewright records backup -o records-monday.db\n"
                        "  1042 records copied and checked\n"},
                       Backup);
  verb->add_option("-o,--output", options->output, "new file")->required();
}

void AddCheck(CLI::App* group, const std::shared_ptr<Options>& options) {
  Add(group, options,
      {"check", "reads and checks every record",
       "  $ tilewright records check\n"
       "  /home/ann/.local/share/tilewright/records.db: 1042 records, sound\n"},
      Check);
}

}  // namespace

void verb_records(CLI::App& parent) {
  CLI::App* group = AddVerbGroup(parent, {"records", "imports, exports and looks after the records",
                                          "  $ tilewright records import resnet18.log\n"
                                          "  $ tilewright records export -o all.log\n"});
  const auto options = std::make_shared<Options>();
  AddImport(group, options);
  AddExport(group, options);
  AddPickBest(group, options);
  AddBackup(group, options);
  AddCheck(group, options);
  AddPruneVerb(group);
  AddRevokeVerbs(group);
}

}  // namespace tilewright
