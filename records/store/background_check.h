// Reads a whole records file beside its use, so that a large one opens at once and its damage is
// still noticed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "records/store/sqlite.h"

namespace tilewright {

class BackgroundCheck {
 public:
  // Calls `damaged` from its own thread, at most once, with DataLoss. Statuses: as
  // SqliteConnection.
  static absl::StatusOr<std::unique_ptr<BackgroundCheck>> Start(
      const std::string& path, std::function<void(const absl::Status&)> damaged);
  ~BackgroundCheck();  // breaks off

 private:
  BackgroundCheck(std::unique_ptr<SqliteConnection> connection,
                  std::function<void(const absl::Status&)> damaged);

  std::atomic<bool> stopping_ = false;
  const std::unique_ptr<SqliteConnection> connection_;  // the thread's
  std::thread thread_;                                  // last: it uses the above
};

}  // namespace tilewright
