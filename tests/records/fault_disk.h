// A disk that loses power and fails at a chosen operation, as SQLite sees it: a VFS around the
// system's own that remembers which bytes a sync has made durable.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"

namespace tilewright {

// While it lives, every SQLite file that this process opens lies on it: one disk at a time, from
// before the first file is opened until after the last is closed. One thread at a time uses it.
class FaultDisk {
 public:
  // What SQLite asks of a disk. kMap: of the memory that connections share.
  enum class Operation { kOpen, kRead, kWrite, kTruncate, kSize, kSync, kDelete, kLock, kMap };
  // The operations of the name fail; kFull and kShortWrite: writes and truncations, the second when
  // half of the bytes are written; kPowerLoss: befalls what changes the disk.
  enum class Fault {
    kOpenError,
    kReadError,
    kWriteError,
    kShortWrite,
    kFull,
    kSizeError,
    kSyncError,
    kDeleteError,
    kLockError,
    kMapError,
    kPowerLoss,
  };
  // "OpenError", ...
  static const char* NameOf(Fault fault);

  FaultDisk();
  ~FaultDisk();
  FaultDisk(const FaultDisk&) = delete;
  FaultDisk& operator=(const FaultDisk&) = delete;

  // The n-th operation from now that `fault` can befall fails, and the `times` - 1 after it; n = 0:
  // none any more. What a failed sync should have kept is lost, as Linux loses it
  // (https://wiki.postgresql.org/wiki/Fsync_Errors).
  void FailAt(Fault fault, int n, int times = 1);
  // The chosen operation was met. Power is only marked as lost: the program goes on, but what it
  // does from there on is not in LosePower's files.
  bool failed() const { return failed_; }
  bool lost_power() const { return failed_ && fault_ == Fault::kPowerLoss; }

  // Writes to `folder` what the files would hold when power was lost (now, unless it was before):
  // what is durable, and of each later write nothing, all or its first part, by chance.
  void LosePower(const std::string& folder, Rng& rng) const;

  // For the VFS's functions; a path's state lives as long as the disk.
  struct Write {
    int64_t offset = 0;
    std::string bytes;
    bool truncates = false;  // to `offset`
  };
  struct File {
    std::string durable;
    std::vector<Write> unsynced;
  };
  File* Open(const std::string& path);
  void Delete(const std::string& path) { files_.erase(path); }
  // SQLITE_OK, or the error that the operation ends with.
  int Before(Operation operation);
  // Whether a write that Before failed has written half of its bytes.
  bool IsShort() const { return fault_ == Fault::kShortWrite; }
  int Sync(File& file);

 private:
  std::map<std::string, File> files_, when_power_was_lost_;
  Fault fault_ = Fault::kWriteError;
  int countdown_ = 0;  // 0: no fault to come
  int left_ = 0;       // operations that fail when that is over
  bool failed_ = false;
};

}  // namespace tilewright
