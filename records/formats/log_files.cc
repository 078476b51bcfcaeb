// Whole logs: import, export and pick-best.
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/best_of_each.h"
#include "records/formats/autotvm_log.h"
#include "records/formats/import_format.h"

namespace tilewright {
namespace {

constexpr int64_t kMostLineBytes = 256 << 20;  // a line is read to its end, to skip it
constexpr int64_t kMostGarbage = 10'000;       // lines before the first record
constexpr size_t kMaxProblems = 20;
constexpr size_t kMaxKinds = 100;
constexpr size_t kBatch = 256;  // records of one transaction

// Reads up to the newline; what is beyond the limit is dropped, so that a file without newlines
// cannot fill the memory. The line's bytes; -1 at the end of the file.
absl::StatusOr<int64_t> ReadLine(std::istream& in, std::string* line) {
  line->clear();
  std::streambuf* buffer = in.rdbuf();
  int c = buffer->sbumpc();
  if (c == EOF) return -1;
  int64_t read = 0;
  for (; c != EOF && c != '\n'; c = buffer->sbumpc()) {
    if (line->size() <= kMostLogLineBytes) line->push_back(static_cast<char>(c));
    if (++read > kMostLineBytes) {
      return absl::InvalidArgumentError("a line of more than 256 MiB; is it a log?");
    }
  }
  return read;
}

void Count(RowKind kind, ImportReport* report) {
  const bool full = report->rows.size() >= kMaxKinds && !report->rows.contains(kind);
  if (full) kind.template_name = kind.reason = "others";
  ++report->rows[std::move(kind)];
}

void Refuse(int64_t line, std::string template_name, const absl::Status& why,
            ImportReport* report) {
  ++report->skipped;
  const std::string message(why.message());
  Count({RowFate::kRefused, std::move(template_name), message.substr(0, message.find(": "))},
        report);
  if (report->problems.size() < kMaxProblems) {
    report->problems.push_back(absl::StrCat("line ", line, ": ", message));
  }
}

absl::StatusOr<std::vector<Record>> ReadRecords(LineReader& reader, const std::string& line,
                                                int64_t bytes) {
  if (bytes <= static_cast<int64_t>(kMostLogLineBytes)) return reader.Read(line);
  return absl::InvalidArgumentError(
      absl::StrCat("too long a line: ", bytes, " bytes; at most 1 MiB is read"));
}

// Calls `visit` with each record; counts and reports the lines that are none.
absl::Status ForEachRecord(std::istream& in, LineReader& reader, ImportReport* report,
                           const std::function<absl::Status(int64_t, Record)>& visit) {
  std::string line;
  bool any = false;
  for (int64_t number = 1;; ++number) {
    TW_ASSIGN_OR_RETURN(const int64_t bytes, ReadLine(in, &line));
    if (bytes < 0) return absl::OkStatus();
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty() || text.front() == '#') continue;
    absl::StatusOr<std::vector<Record>> records = ReadRecords(reader, line, bytes);
    if (!records.ok()) {
      Refuse(number, "", records.status(), report);
      if (!any && report->skipped == kMostGarbage) {
        return absl::InvalidArgumentError("none of the first 10,000 lines is a record");
      }
      continue;
    }
    any = any || !records->empty();
    for (Record& record : *records) TW_RETURN_IF_ERROR(visit(number, std::move(record)));
  }
}

// What becomes of a record's line; an error refuses it.
absl::StatusOr<RowKind> Place(const PlaceFunction& place_of, Record* record) {
  RowKind kind{.template_name = record->task.template_name, .reason = WhyForeign(*record)};
  if (!kind.reason.empty()) kind.fate = RowFate::kForeign;
  if (!place_of || !kind.reason.empty()) return kind;
  TW_ASSIGN_OR_RETURN(std::optional<PlacedConfig> place, place_of(record->task, record->config));
  if (!place) {
    kind.fate = RowFate::kForeign;
    kind.reason = "a template that tilewright does not have";
    return kind;
  }
  record->config = std::move(place->config);
  if (place->index != record->index) {
    kind.fate = RowFate::kReindexed;
    kind.reason = "its index was of another space";
    record->index = place->index;
  }
  return kind;
}

}  // namespace

std::string_view NameOf(RowFate fate) {
  switch (fate) {
    case RowFate::kTaken: return "taken";
    case RowFate::kReindexed: return "re-indexed";
    case RowFate::kForeign: return "foreign";
    case RowFate::kRefused: return "refused";
  }
  return "";
}

absl::StatusOr<ImportReport> ImportLog(std::istream& in, RecordStore& store,
                                       const PlaceFunction& place_of) {
  return ImportLog(in, *ImportFormats().front().open(""), store, place_of);
}

absl::StatusOr<ImportReport> ImportLog(std::istream& in, LineReader& reader, RecordStore& store,
                                       const PlaceFunction& place_of) {
  ImportReport report;
  std::vector<Record> batch;
  int64_t read = 0;
  const auto flush = [&] {
    const absl::Status status = store.Append(batch);
    batch.clear();
    return status;
  };
  TW_ASSIGN_OR_RETURN(const int64_t before, store.Count({}));
  TW_RETURN_IF_ERROR(ForEachRecord(in, reader, &report, [&](int64_t line, Record record) {
    const absl::StatusOr<RowKind> kind = Place(place_of, &record);
    if (!kind.ok()) {
      Refuse(line, record.task.template_name, kind.status(), &report);
      return absl::OkStatus();
    }
    Count(*kind, &report);
    ++read;
    batch.push_back(std::move(record));
    return batch.size() < kBatch ? absl::OkStatus() : flush();
  }));
  TW_RETURN_IF_ERROR(flush());
  TW_ASSIGN_OR_RETURN(const int64_t after, store.Count({}));
  report.imported = after - before;
  report.duplicates = read - report.imported;
  return report;
}

absl::StatusOr<int64_t> ExportLog(const RecordScan& records, const RecordFilter& filter,
                                  std::ostream& out) {
  int64_t lines = 0;
  absl::Status failed;
  LogEncoder encoder;
  TW_RETURN_IF_ERROR(records.ForEach(filter, [&](const Record& record) {
    const absl::StatusOr<std::string> line = encoder.Encode(record);
    failed = line.status();
    if (!failed.ok()) return false;
    out << *line << '\n';
    ++lines;
    return out.good();
  }));
  TW_RETURN_IF_ERROR(failed);
  if (!out.flush()) return absl::InternalError("cannot write the log");
  return lines;
}

absl::StatusOr<ImportReport> PickBestOfLogs(const std::vector<std::istream*>& in,
                                            std::ostream& out) {
  ImportReport report;
  BestOfEach best(/*by_device=*/true);
  const std::unique_ptr<LineReader> reader = ImportFormats().front().open("");
  for (std::istream* log : in) {
    TW_RETURN_IF_ERROR(ForEachRecord(*log, *reader, &report, [&](int64_t, const Record& record) {
      best.Add(record);
      return absl::OkStatus();
    }));
  }
  const std::vector<Record> records = best.Records();
  for (const Record& record : records) {
    TW_ASSIGN_OR_RETURN(const std::string line, EncodeLogLine(record));
    out << line << '\n';
  }
  if (!out.flush()) return absl::InternalError("cannot write the log");
  report.imported = static_cast<int64_t>(records.size());
  return report;
}

}  // namespace tilewright
