#include "cli/endpoints/records_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/formats/autotvm_log.h"
#include "records/store/filter.h"

namespace tilewright {
namespace {

constexpr size_t kMostInACall = 1024;  // workloads that a server takes

v1::LookUpRecordsRequest RequestOf(const ModelLookup& wanted, size_t first) {
  v1::LookUpRecordsRequest request;
  request.set_target(ToString(wanted.target));
  request.set_device_key(wanted.device_key);
  request.set_threads(static_cast<uint32_t>(wanted.threads));
  request.set_exact(wanted.exact);
  request.set_explain(wanted.explain);
  for (size_t i = first; i < wanted.workloads.size() && i < first + kMostInACall; ++i) {
    request.add_workloads(wanted.workloads[i].Key());
  }
  return request;
}

absl::StatusOr<FoundConfig> FromMessage(const v1::FoundRecord& message) {
  FoundConfig one;
  one.found.how = message.how();
  one.found.passed_over.assign(message.passed_over().begin(), message.passed_over().end());
  one.found.near_misses.assign(message.near_misses().begin(), message.near_misses().end());
  one.keeps_default = message.keeps_default();
  one.default_seconds = message.default_seconds();
  one.alone_seconds = message.alone_seconds();
  if (message.line().empty()) return one;
  TW_ASSIGN_OR_RETURN(one.found.record, DecodeLogLine(message.line()));
  return one;
}

absl::StatusOr<std::vector<FoundConfig>> AskFarm(FarmClient& farm, const ModelLookup& wanted) {
  std::vector<FoundConfig> all;
  while (all.size() < wanted.workloads.size()) {
    const v1::LookUpRecordsRequest request = RequestOf(wanted, all.size());
    TW_ASSIGN_OR_RETURN(const v1::LookUpRecordsReply reply, farm.LookUpRecords(request));
    if (reply.found_size() != request.workloads_size()) {
      return absl::InternalError(absl::StrCat("the server answered for ", reply.found_size(),
                                              " of ", request.workloads_size(), " workloads"));
    }
    for (const v1::FoundRecord& found : reply.found()) {
      TW_ASSIGN_OR_RETURN(FoundConfig one, FromMessage(found));
      all.push_back(std::move(one));
    }
  }
  return all;
}

v1::FindRecordsRequest RequestOf(const RecordFilter& filter) {
  v1::FindRecordsRequest request;
  request.set_op(filter.op);
  request.set_workload_substring(filter.workload_substring);
  request.set_template_name(filter.template_name);
  request.set_target(filter.target);
  request.set_device_key(filter.device_key);
  request.set_job(filter.job);
  request.set_only_ok(filter.only_ok);
  return request;
}

// Appends what the server finds.
absl::Status Find(FarmClient& farm, const v1::FindRecordsRequest& request,
                  std::vector<Record>* records) {
  TW_ASSIGN_OR_RETURN(const v1::FindRecordsReply reply, farm.FindRecords(request));
  for (const std::string& line : reply.lines()) {
    TW_ASSIGN_OR_RETURN(Record record, DecodeLogLine(line));
    records->push_back(std::move(record));
  }
  return absl::OkStatus();
}

// Gives the lines of a text that comes in pieces to `take`, until that returns false or an error.
class LinesOfPieces {
 public:
  using Take = std::function<absl::StatusOr<bool>(std::string_view)>;
  explicit LinesOfPieces(Take take) : take_(std::move(take)) {}

  absl::StatusOr<bool> Add(std::string_view piece) {
    rest_.append(piece);
    size_t start = 0;
    for (size_t end; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1) {
      TW_ASSIGN_OR_RETURN(const bool more,
                          take_(std::string_view(rest_).substr(start, end - start)));
      if (!more) return false;
    }
    rest_.erase(0, start);
    if (rest_.size() <= kMostLineBytes) return true;
    return absl::InvalidArgumentError("the server sends a line of more than 1 MiB");
  }

 private:
  static constexpr size_t kMostLineBytes = 1 << 20;  // as DecodeLogLine

  const Take take_;
  std::string rest_;  // of a line that has not come to its end
};

absl::Status ScanFarm(FarmClient& farm, const RecordFilter& filter,
                      const std::function<bool(const Record&)>& visit) {
  v1::FetchBlobRequest request;
  request.set_name("records.log");
  request.set_device_key(filter.device_key);
  int64_t left = filter.limit > 0 ? filter.limit : INT64_MAX;
  LinesOfPieces lines([&](std::string_view line) -> absl::StatusOr<bool> {
    TW_ASSIGN_OR_RETURN(Record record, DecodeLogLine(line));
    const KeyedRecord keyed(std::move(record));
    if (!Matches(filter, keyed)) return true;
    return visit(keyed.record) && --left > 0;
  });
  return farm.FetchBlob(request, [&](std::string_view piece) { return lines.Add(piece); });
}

}  // namespace

absl::StatusOr<RecordsSource> RecordsSource::Open(const RecordsOption& option) {
  RecordsSource source;
  if (IsFarm(option)) {
    TW_ASSIGN_OR_RETURN(const Endpoint server, FarmOf(option));
    source.farm_ = std::make_unique<FarmClient>(server);
  } else {
    TW_ASSIGN_OR_RETURN(source.store_, OpenRecordsToRead(option.named));
  }
  return source;
}

absl::StatusOr<std::vector<FoundConfig>> RecordsSource::LookUp(const ModelLookup& wanted) const {
  return store_ ? LookUpModel(*store_, wanted) : AskFarm(*farm_, wanted);
}

absl::StatusOr<std::vector<Record>> RecordsSource::Best(
    const RecordFilter& filter, const std::vector<std::string>& workloads) const {
  if (store_) return BestRecords(*store_, filter, workloads);
  std::vector<Record> records;
  size_t asked = 0;
  do {
    v1::FindRecordsRequest request = RequestOf(filter);
    const size_t end = std::min(workloads.size(), asked + kMostInACall);
    for (; asked < end; ++asked) request.add_workloads(workloads[asked]);
    TW_RETURN_IF_ERROR(Find(*farm_, request, &records));
  } while (asked < workloads.size());
  return records;
}

absl::StatusOr<std::vector<Record>> RecordsSource::Newest(const RecordFilter& filter,
                                                          int64_t count) const {
  if (store_) return store_->Newest(filter, count);
  v1::FindRecordsRequest request = RequestOf(filter);
  request.set_newest(static_cast<uint64_t>(count));
  std::vector<Record> records;
  TW_RETURN_IF_ERROR(Find(*farm_, request, &records));
  return records;
}

absl::Status RecordsSource::ForEach(const RecordFilter& filter,
                                    const std::function<bool(const Record&)>& visit) const {
  return store_ ? store_->ForEach(filter, visit) : ScanFarm(*farm_, filter, visit);
}

}  // namespace tilewright
