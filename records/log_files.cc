// Whole logs: import, export and pick-best.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/autotvm_log.h"
#include "records/best_of_each.h"

namespace tilewright {
namespace {

constexpr size_t kMaxLineBytes = 1 << 20;
constexpr int64_t kMostLineBytes = 256 << 20;  // a line is read to its end, to skip it
constexpr int64_t kMostGarbage = 10'000;       // lines before the first record
constexpr size_t kMaxProblems = 20;
constexpr size_t kBatch = 256;  // records of one transaction

// Reads up to the newline; what is beyond the limit is dropped, so that a file without newlines
// cannot fill the memory. False at the end of the file.
absl::StatusOr<bool> ReadLine(std::istream& in, std::string* line) {
  line->clear();
  std::streambuf* buffer = in.rdbuf();
  int c = buffer->sbumpc();
  if (c == EOF) return false;
  for (int64_t read = 0; c != EOF && c != '\n'; c = buffer->sbumpc()) {
    if (line->size() <= kMaxLineBytes) line->push_back(static_cast<char>(c));
    if (++read > kMostLineBytes) {
      return absl::InvalidArgumentError("a line of more than 256 MiB; is it an AutoTVM log?");
    }
  }
  return true;
}

void AddProblem(int64_t line, absl::string_view what, ImportReport* report) {
  if (report->problems.size() < kMaxProblems) {
    report->problems.push_back(absl::StrCat("line ", line, ": ", what));
  }
}

// Calls `visit` with each record; counts and reports the lines that are none.
absl::Status ForEachRecord(std::istream& in, ImportReport* report,
                           const std::function<absl::Status(int64_t, Record)>& visit) {
  std::string line;
  bool any = false;
  for (int64_t number = 1;; ++number) {
    TW_ASSIGN_OR_RETURN(const bool more, ReadLine(in, &line));
    if (!more) return absl::OkStatus();
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty() || text.front() == '#') continue;
    absl::StatusOr<Record> record = DecodeLogLine(line);
    if (!record.ok()) {
      ++report->skipped;
      AddProblem(number, record.status().message(), report);
      if (!any && report->skipped == kMostGarbage) {
        return absl::InvalidArgumentError("none of the first 10,000 lines is a record");
      }
      continue;
    }
    any = true;
    TW_RETURN_IF_ERROR(visit(number, *std::move(record)));
  }
}

// False when the config is not in its space.
bool Place(const PlaceFunction& place_of, int64_t line, Record* record, ImportReport* report) {
  if (!record->foreign_args.empty()) ++report->foreign[record->task.template_name];
  if (!place_of || !record->foreign_args.empty()) return true;
  absl::StatusOr<std::optional<PlacedConfig>> place = place_of(record->task, record->config);
  if (!place.ok()) {
    ++report->skipped;
    AddProblem(line, place.status().message(), report);
    return false;
  }
  if (!*place) {
    ++report->foreign[record->task.template_name];
    return true;
  }
  record->config = std::move((*place)->config);
  const uint64_t index = (*place)->index;
  if (index == record->index) return true;
  AddProblem(line, absl::StrCat("index ", record->index, " is ", index, " in today's space"),
             report);
  ++report->reindexed;
  record->index = index;
  return true;
}

}  // namespace

absl::StatusOr<ImportReport> ImportLog(std::istream& in, RecordStore& store,
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
  TW_RETURN_IF_ERROR(ForEachRecord(in, &report, [&](int64_t line, Record record) {
    if (!Place(place_of, line, &record, &report)) return absl::OkStatus();
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

absl::StatusOr<int64_t> ExportLog(const RecordStore& store, const RecordFilter& filter,
                                  std::ostream& out) {
  int64_t lines = 0;
  absl::Status failed;
  LogEncoder encoder;
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
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

absl::StatusOr<ImportReport> PickBestOfLog(std::istream& in, std::ostream& out) {
  ImportReport report;
  BestOfEach best;
  TW_RETURN_IF_ERROR(ForEachRecord(in, &report, [&](int64_t, const Record& record) {
    best.Add(record);
    return absl::OkStatus();
  }));
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
