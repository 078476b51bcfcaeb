// Finished reports on disk until the server has answered them, so that a worker that is killed
// after measuring loses nothing: the next one sends them. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/tilewright.grpc.pb.h"

namespace tilewright {

class Spool {
 public:
  // Several workers may share a folder; it is made when missing. Unavailable with the reason.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const std::string& folder);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Reports of processes that are gone; this one's from now on, each given once.
  std::vector<v1::ReportRequest> TakeLeft();
  // On disk when it returns. Unavailable with the reason.
  absl::Status Add(const v1::ReportRequest& report);
  // The server has answered. A report that was not added is no mistake.
  void Remove(const v1::ReportRequest& report);

 private:
  explicit Spool(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
  std::mutex mutex_;
  std::map<std::string, int> held_;  // file name -> descriptor, which holds its lock
};

}  // namespace tilewright
