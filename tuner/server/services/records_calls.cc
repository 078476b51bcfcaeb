#include "tuner/server/services/records_calls.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/operators/workload_rules.h"
#include "records/formats/autotvm_log.h"
#include "records/lookup/model_lookup.h"

namespace tilewright {
namespace {

constexpr int kMostWorkloads = 1024;
constexpr uint32_t kMostThreads = 1024;
constexpr size_t kMostText = 1 << 10;
constexpr size_t kMostAnswerBytes = 8 << 20;
constexpr uint64_t kMostNewest = 10'000;
constexpr int64_t kMostRevoked = 10'000;
constexpr size_t kMostListedBytes = 1 << 20;

absl::Status CheckWorkloads(int count) {
  if (count <= kMostWorkloads) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(count, " workloads in one call, allowed are ",
                                                 kMostWorkloads, "; make several calls"));
}

template <typename Reply>
absl::Status CheckSize(const Reply& reply) {
  if (reply.ByteSizeLong() <= kMostAnswerBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("an answer of ", reply.ByteSizeLong(),
                                                   " bytes, allowed are ", kMostAnswerBytes,
                                                   "; ask for less"));
}

absl::StatusOr<ModelLookup> LookupOf(const v1::LookUpRecordsRequest& request) {
  TW_RETURN_IF_ERROR(CheckWorkloads(request.workloads_size()));
  if (request.threads() > kMostThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.threads(), " threads, allowed are 1 to ", kMostThreads));
  }
  if (request.device_key().size() > kMostText) {
    return absl::InvalidArgumentError(absl::StrCat("a device key of ", request.device_key().size(),
                                                   " bytes, allowed are ", kMostText));
  }
  ModelLookup wanted{.device_key = request.device_key(),
                     .threads = request.threads() ? static_cast<int>(request.threads()) : 1,
                     .exact = request.exact(),
                     .explain = request.explain()};
  TW_ASSIGN_OR_RETURN(wanted.target, ParseTarget(request.target()));
  for (const std::string& key : request.workloads()) {
    TW_ASSIGN_OR_RETURN(Workload workload, ParseWorkload(key));
    wanted.workloads.push_back(std::move(workload));
  }
  return wanted;
}

absl::Status AddTo(v1::LookUpRecordsReply* reply, const FoundConfig& one, LogEncoder& encoder) {
  v1::FoundRecord& message = *reply->add_found();
  message.set_how(one.found.how);
  message.set_keeps_default(one.keeps_default);
  message.set_default_seconds(one.default_seconds);
  message.set_alone_seconds(one.alone_seconds);
  message.mutable_passed_over()->Add(one.found.passed_over.begin(), one.found.passed_over.end());
  message.mutable_near_misses()->Add(one.found.near_misses.begin(), one.found.near_misses.end());
  if (!one.found.record) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(std::string line, encoder.Encode(*one.found.record));
  message.set_line(std::move(line));
  return absl::OkStatus();
}

RecordFilter FilterOf(const v1::FindRecordsRequest& request) {
  RecordFilter filter{.template_name = request.template_name(),
                      .target = request.target(),
                      .device_key = request.device_key(),
                      .job = request.job(),
                      .op = request.op(),
                      .only_ok = request.only_ok()};
  filter.workload_substring = request.workload_substring();
  return filter;
}

RecordFilter FilterOf(const v1::RevokeRecordsRequest& request) {
  RecordFilter filter{.device_key = request.device_key(), .job = request.job()};
  filter.limit = kMostRevoked;
  filter.run_id = request.run_id();
  filter.worker = request.worker();
  filter.builder = request.builder();
  filter.since = request.since();
  filter.before = request.before();
  return filter;
}

}  // namespace

absl::Status AnswerLookUp(const RecordStore& store, const v1::LookUpRecordsRequest& request,
                          v1::LookUpRecordsReply* reply) {
  TW_ASSIGN_OR_RETURN(const ModelLookup wanted, LookupOf(request));
  TW_ASSIGN_OR_RETURN(const std::vector<FoundConfig> found, LookUpModel(store, wanted));
  LogEncoder encoder;
  for (const FoundConfig& one : found) TW_RETURN_IF_ERROR(AddTo(reply, one, encoder));
  return CheckSize(*reply);
}

absl::Status AnswerFind(const RecordStore& store, const v1::FindRecordsRequest& request,
                        v1::FindRecordsReply* reply) {
  TW_RETURN_IF_ERROR(CheckWorkloads(request.workloads_size()));
  if (request.newest() > kMostNewest) {
    return absl::InvalidArgumentError(absl::StrCat("the newest ", request.newest(),
                                                   " records, allowed are ", kMostNewest,
                                                   "; fetch records.log for more"));
  }
  const RecordFilter filter = FilterOf(request);
  TW_ASSIGN_OR_RETURN(
      const std::vector<Record> found,
      request.newest() > 0
          ? store.Newest(filter, static_cast<int64_t>(request.newest()))
          : BestRecords(store, filter, {request.workloads().begin(), request.workloads().end()}));
  LogEncoder encoder;
  for (const Record& record : found) {
    TW_ASSIGN_OR_RETURN(*reply->add_lines(), encoder.Encode(record));
  }
  return CheckSize(*reply);
}

absl::Status AnswerRevoke(RecordStore& store, const v1::RevokeRecordsRequest& request,
                          const RevokeNote& note, v1::RevokeRecordsReply* reply) {
  TW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      RevokeRecords(store, FilterOf(request), note));
  reply->mutable_run_ids()->Add(ids.begin(), ids.end());
  reply->set_more(ids.size() == static_cast<size_t>(kMostRevoked));
  return absl::OkStatus();
}

absl::Status AnswerRevocations(const RecordStore& store, const v1::ListRevocationsRequest& request,
                               v1::ListRevocationsReply* reply) {
  TW_ASSIGN_OR_RETURN(const std::vector<Revocation> all, store.Revocations());
  size_t bytes = 0;
  for (size_t i = request.after(); i < all.size(); ++i) {
    if (bytes > kMostListedBytes) {
      reply->set_more(true);
      break;
    }
    v1::RevokedRecord& one = *reply->add_revoked();
    one.set_run_id(all[i].run_id);
    one.set_reason(all[i].reason);
    one.set_unix_time(all[i].unix_time);
    one.set_by(all[i].by);
    bytes += one.ByteSizeLong();
  }
  return absl::OkStatus();
}

}  // namespace tilewright
