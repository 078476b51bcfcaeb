#include "tuner/server/fetch_blob.h"

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/convert.h"
#include "records/autotvm_log.h"

namespace tilewright {
namespace {

constexpr char kRecordsLog[] = "records.log";
constexpr size_t kMaxBytes = 256 << 20;
constexpr size_t kChunkBytes = 256 << 10;
constexpr int kMaxAtOnce = 4;

absl::StatusOr<std::string> RecordsLog(const RecordStore& store, const std::string& device_key) {
  std::string log;
  absl::Status failed;
  LogEncoder encoder;
  TW_RETURN_IF_ERROR(store.ForEach({.device_key = device_key}, [&](const Record& record) {
    const absl::StatusOr<std::string> line = encoder.Encode(record);
    failed = line.status();
    if (!failed.ok()) return false;
    absl::StrAppend(&log, *line, "\n");
    return log.size() <= kMaxBytes;
  }));
  TW_RETURN_IF_ERROR(failed);
  if (log.size() <= kMaxBytes) return log;
  return absl::ResourceExhaustedError(
      "the log is above 256 MiB; ask for one key, or export it on the server's machine");
}

class BlobReactor final : public grpc::ServerWriteReactor<v1::BlobChunk> {
 public:
  explicit BlobReactor(std::atomic<int>& running) : running_(running) {}

  void Refuse(const absl::Status& status) { Finish(ToGrpc(status)); }
  // The thread touches this object no more once it has started the first write or finished.
  void Start(const RecordStore& store, std::string device_key) {
    std::thread([this, &store, device_key = std::move(device_key)] {
      absl::StatusOr<std::string> log = RecordsLog(store, device_key);
      if (!log.ok()) return Refuse(log.status());
      bytes_ = *std::move(log);
      Next();
    }).detach();
  }

  void OnWriteDone(bool ok) override {
    if (ok) return Next();
    Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone"));
  }
  void OnDone() override {
    --running_;
    delete this;
  }

 private:
  void Next() {
    if (at_ >= bytes_.size()) return Finish(grpc::Status::OK);
    chunk_.set_data(bytes_.substr(at_, kChunkBytes));
    at_ += kChunkBytes;
    StartWrite(&chunk_);
  }

  std::atomic<int>& running_;
  std::string bytes_;
  size_t at_ = 0;
  v1::BlobChunk chunk_;
};

}  // namespace

grpc::ServerWriteReactor<v1::BlobChunk>* AnswerFetchBlob(const RecordStore& store,
                                                         const v1::FetchBlobRequest& request,
                                                         std::atomic<int>& running) {
  auto* reactor = new BlobReactor(running);
  const bool too_many = ++running > kMaxAtOnce;
  if (request.name() != kRecordsLog) {
    reactor->Refuse(
        absl::NotFoundError(absl::StrCat("no blob ", request.name(), "; there is ", kRecordsLog)));
  } else if (too_many) {
    reactor->Refuse(absl::ResourceExhaustedError("too many blobs are being fetched; try again"));
  } else {
    reactor->Start(store, request.device_key());
  }
  return reactor;
}

}  // namespace tilewright
