#include "worker/agent/spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "worker/process/pipe_io.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

constexpr char kSuffix[] = ".report";
constexpr off_t kMaxBytes = 1 << 20;  // of one report; a timing has at most 4096 samples

std::string NameOf(const v1::ReportRequest& report) {
  return absl::StrCat(absl::Hex(report.server_epoch(), absl::kZeroPad16), "-", report.attempt(),
                      "-", report.fence(), report.fault().withdraws() ? "-withdrawn" : "", kSuffix);
}

absl::Status Failed(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", strerror(errno)));
}

// A file gets its name only when it is whole, locked and on disk.
absl::Status Write(int fd, const std::string& early, const std::string& path,
                   const std::string& bytes) {
  TW_RETURN_IF_ERROR(WriteAll(fd, bytes));
  if (fsync(fd) != 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) return Failed(early);
  if (rename(early.c_str(), path.c_str()) != 0) return Failed(path);
  return absl::OkStatus();
}

void SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

bool ReadReport(int fd, v1::ReportRequest* report) {
  struct stat info{};
  if (fstat(fd, &info) != 0 || info.st_size > kMaxBytes) return false;
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  const ssize_t n = pread(fd, bytes.data(), bytes.size(), 0);
  return n == static_cast<ssize_t>(bytes.size()) && report->ParseFromString(bytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || access(folder.c_str(), W_OK | X_OK) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot keep finished reports in ", folder, ": ",
                                               error ? error.message() : strerror(errno)));
  }
  return std::unique_ptr<Spool>(new Spool(folder));
}

Spool::~Spool() {
  for (const auto& [name, fd] : held_) close(fd);
}

std::vector<v1::ReportRequest> Spool::TakeLeft() {
  std::vector<v1::ReportRequest> left;
  std::lock_guard lock(mutex_);
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string path = it->path();
    const std::string name = it->path().filename();
    if (!absl::EndsWith(name, kSuffix) || held_.contains(name)) continue;
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) continue;
    v1::ReportRequest report;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {  // its process lives
      close(fd);
    } else if (ReadReport(fd, &report) && NameOf(report) == name) {
      held_[name] = fd;
      left.push_back(std::move(report));
    } else {
      rename(path.c_str(), (path + ".bad").c_str());  // for people
      close(fd);
    }
  }
  return left;
}

absl::Status Spool::Add(const v1::ReportRequest& report) {
  const std::string name = NameOf(report);
  const std::string path = absl::StrCat(folder_, "/", name);
  const std::string early = absl::StrCat(path, ".new-", getpid());
  {
    std::lock_guard lock(mutex_);
    if (held_.contains(name)) return absl::OkStatus();
  }
  const int fd = open(early.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Failed(early);
  const absl::Status written = Write(fd, early, path, report.SerializeAsString());
  if (!written.ok()) {
    unlink(early.c_str());
    close(fd);
    return written;
  }
  SyncFolder(folder_);
  std::lock_guard lock(mutex_);
  held_[name] = fd;
  return absl::OkStatus();
}

void Spool::Remove(const v1::ReportRequest& report) {
  const std::string name = NameOf(report);
  std::lock_guard lock(mutex_);
  const auto it = held_.find(name);
  if (it == held_.end()) return;
  unlink(absl::StrCat(folder_, "/", name).c_str());
  close(it->second);
  held_.erase(it);
}

}  // namespace tilewright
