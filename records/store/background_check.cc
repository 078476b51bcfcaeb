#include "records/store/background_check.h"

#include <utility>

#include "base/status_macros.h"
#include "records/store/schema.h"

namespace tilewright {

absl::StatusOr<std::unique_ptr<BackgroundCheck>> BackgroundCheck::Start(
    const std::string& path, std::function<void(const absl::Status&)> damaged) {
  TW_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> connection,
                      SqliteConnection::Open(path, SqliteMode::kReadOnly));
  return std::unique_ptr<BackgroundCheck>(
      new BackgroundCheck(std::move(connection), std::move(damaged)));
}

BackgroundCheck::BackgroundCheck(std::unique_ptr<SqliteConnection> connection,
                                 std::function<void(const absl::Status&)> damaged)
    : connection_(std::move(connection)), thread_([this, damaged = std::move(damaged)] {
        connection_->StopWhen(stopping_);
        const absl::Status status = QuickCheck(*connection_);
        if (absl::IsDataLoss(status)) damaged(status);
      }) {}

BackgroundCheck::~BackgroundCheck() {
  stopping_ = true;
  thread_.join();
}

}  // namespace tilewright
