#include "tuner/server/services/fetch_blob.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/convert.h"
#include "records/formats/autotvm_log.h"

namespace tilewright {
namespace {

constexpr char kRecordsLog[] = "records.log";
constexpr size_t kChunkBytes = 256 << 10;
constexpr int kMaxAtOnce = 4;  // a thread each
// A client that takes nothing for so long leaves its place to others.
constexpr auto kPatienceForClient = std::chrono::minutes(5);

// A piece is made once the client has room for it, so that neither a long log nor a slow client
// costs memory.
class BlobReactor final : public grpc::ServerWriteReactor<v1::BlobChunk> {
 public:
  BlobReactor(grpc::CallbackServerContext* context, std::atomic<int>& running)
      : context_(context), running_(running) {}

  void Refuse(const absl::Status& status) { Finish(ToGrpc(status)); }
  // The thread touches this object no more once it has finished.
  void Start(const RecordStore& store, const std::string& device_key) {
    std::thread([this, &store, filter = RecordFilter{.device_key = device_key}] {
      Finish(ToGrpc(SendLog(store, filter)));
    }).detach();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    gone_ = gone_ || !ok;
    changed_.notify_all();
  }
  void OnCancel() override {
    std::lock_guard lock(mutex_);
    gone_ = true;
    changed_.notify_all();
  }
  void OnDone() override {
    --running_;
    delete this;
  }

 private:
  absl::Status SendLog(const RecordStore& store, const RecordFilter& filter) {
    LogEncoder encoder;
    std::string piece;
    absl::Status status;
    TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
      const absl::StatusOr<std::string> line = encoder.Encode(record);
      status = line.status();
      if (!status.ok()) return false;
      absl::StrAppend(&piece, *line, "\n");
      while (status.ok() && piece.size() >= kChunkBytes) {
        status = Send(piece.substr(0, kChunkBytes));
        piece.erase(0, kChunkBytes);
      }
      return status.ok();
    }));
    TW_RETURN_IF_ERROR(status);
    if (!piece.empty()) TW_RETURN_IF_ERROR(Send(std::move(piece)));
    return AwaitWritten();
  }

  absl::Status Send(std::string piece) {
    TW_RETURN_IF_ERROR(AwaitWritten());
    chunk_.set_data(std::move(piece));
    {
      std::lock_guard lock(mutex_);
      writing_ = true;
    }
    StartWrite(&chunk_);
    return absl::OkStatus();
  }

  absl::Status AwaitWritten() {
    std::unique_lock lock(mutex_);
    const auto written = [this] { return !writing_; };
    if (!changed_.wait_for(lock, kPatienceForClient, written)) context_->TryCancel();
    changed_.wait(lock, written);
    return gone_ ? absl::CancelledError("the client is gone, or took nothing for minutes")
                 : absl::OkStatus();
  }

  grpc::CallbackServerContext* const context_;
  std::atomic<int>& running_;
  v1::BlobChunk chunk_;  // on its way while writing_
  std::mutex mutex_;
  std::condition_variable changed_;
  bool writing_ = false, gone_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::BlobChunk>* AnswerFetchBlob(grpc::CallbackServerContext* context,
                                                         const RecordStore& store,
                                                         const v1::FetchBlobRequest& request,
                                                         std::atomic<int>& running) {
  auto* reactor = new BlobReactor(context, running);
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
