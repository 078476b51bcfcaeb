#include "tests/records/fault_disk.h"

#include <filesystem>
#include <fstream>
#include <new>
#include <sstream>
#include <utility>

#include "base/check.h"

namespace tilewright {
namespace {

using Fault = FaultDisk::Fault;
using Operation = FaultDisk::Operation;

constexpr char kName[] = "fault-disk";
constexpr size_t kSector = 512;

FaultDisk* the_disk = nullptr;
sqlite3_vfs* the_system = nullptr;

// Followed in memory by the system's own file.
struct OpenFile {
  sqlite3_file base;
  FaultDisk::File* state;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

OpenFile* Of(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Of(file)->real(); }

int WriteThrough(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  if (FaultDisk::File* state = Of(file)->state) {
    state->unsynced.push_back({offset, std::string(static_cast<const char*>(data), bytes)});
  }
  return Real(file)->pMethods->xWrite(Real(file), data, bytes, offset);
}

int WriteFile(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  const int error = the_disk->Before(Operation::kWrite);
  if (error == SQLITE_OK) return WriteThrough(file, data, bytes, offset);
  if (the_disk->IsShort()) WriteThrough(file, data, bytes / 2, offset);
  return error;
}

int TruncateFile(sqlite3_file* file, sqlite3_int64 size) {
  if (const int error = the_disk->Before(Operation::kTruncate)) return error;
  if (FaultDisk::File* state = Of(file)->state) state->unsynced.push_back({size, "", true});
  return Real(file)->pMethods->xTruncate(Real(file), size);
}

// The system's own disk is never asked: power is lost only here.
int SyncFile(sqlite3_file* file, int) {
  FaultDisk::File* state = Of(file)->state;
  return state ? the_disk->Sync(*state) : SQLITE_OK;
}

// Calls `method` of the system's file, unless the disk fails.
template <auto method, typename... Arguments>
int PassOn(Operation operation, sqlite3_file* file, Arguments... arguments) {
  if (const int error = the_disk->Before(operation)) return error;
  return (Real(file)->pMethods->*method)(Real(file), arguments...);
}

// The rest passes on. Version 2 has shared memory, which a WAL needs, and no memory-mapped reads.
const sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); },
    .xRead =
        [](sqlite3_file* f, void* to, int bytes, sqlite3_int64 offset) {
          return PassOn<&sqlite3_io_methods::xRead>(Operation::kRead, f, to, bytes, offset);
        },
    .xWrite = WriteFile,
    .xTruncate = TruncateFile,
    .xSync = SyncFile,
    .xFileSize =
        [](sqlite3_file* f, sqlite3_int64* size) {
          return PassOn<&sqlite3_io_methods::xFileSize>(Operation::kSize, f, size);
        },
    .xLock = [](sqlite3_file* f,
                int lock) { return PassOn<&sqlite3_io_methods::xLock>(Operation::kLock, f, lock); },
    .xUnlock = [](sqlite3_file* f, int lock) { return Real(f)->pMethods->xUnlock(Real(f), lock); },
    .xCheckReservedLock =
        [](sqlite3_file* f, int* held) {
          return Real(f)->pMethods->xCheckReservedLock(Real(f), held);
        },
    .xFileControl =
        [](sqlite3_file* f, int op, void* argument) {
          return Real(f)->pMethods->xFileControl(Real(f), op, argument);
        },
    .xSectorSize = [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); },
    .xDeviceCharacteristics =
        [](sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); },
    .xShmMap =
        [](sqlite3_file* f, int page, int size, int extend, void volatile** at) {
          return PassOn<&sqlite3_io_methods::xShmMap>(Operation::kMap, f, page, size, extend, at);
        },
    .xShmLock =
        [](sqlite3_file* f, int offset, int count, int flags) {
          // Letting go of it is in memory and cannot fail.
          if (flags & SQLITE_SHM_UNLOCK) {
            return Real(f)->pMethods->xShmLock(Real(f), offset, count, flags);
          }
          return PassOn<&sqlite3_io_methods::xShmLock>(Operation::kLock, f, offset, count, flags);
        },
    .xShmBarrier = [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); },
    .xShmUnmap = [](sqlite3_file* f,
                    int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); },
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int OpenOnDisk(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* got) {
  OpenFile* opened = new (file) OpenFile{};
  if (const int error = the_disk->Before(Operation::kOpen)) return error;
  const int code = the_system->xOpen(the_system, path, opened->real(), flags, got);
  if (code != SQLITE_OK) return code;
  opened->base.pMethods = &kMethods;
  if (path) opened->state = the_disk->Open(path);
  return SQLITE_OK;
}

int DeleteOnDisk(sqlite3_vfs*, const char* path, int sync_folder) {
  if (const int error = the_disk->Before(Operation::kDelete)) return error;
  the_disk->Delete(path);
  return the_system->xDelete(the_system, path, sync_folder);
}

sqlite3_vfs& Vfs() {
  static sqlite3_vfs vfs;
  return vfs;
}

bool Befalls(Fault fault, Operation operation) {
  const bool writes = operation == Operation::kWrite || operation == Operation::kTruncate;
  switch (fault) {
    case Fault::kOpenError: return operation == Operation::kOpen;
    case Fault::kReadError: return operation == Operation::kRead;
    case Fault::kWriteError:
    case Fault::kShortWrite:
    case Fault::kFull: return writes;
    case Fault::kSizeError: return operation == Operation::kSize;
    case Fault::kSyncError: return operation == Operation::kSync;
    case Fault::kDeleteError: return operation == Operation::kDelete;
    case Fault::kLockError: return operation == Operation::kLock;
    case Fault::kMapError: return operation == Operation::kMap;
    case Fault::kPowerLoss:
      return writes || operation == Operation::kSync || operation == Operation::kDelete;
  }
  return false;
}

int CodeOf(Fault fault) {
  switch (fault) {
    case Fault::kOpenError: return SQLITE_CANTOPEN;
    case Fault::kReadError: return SQLITE_IOERR_READ;
    case Fault::kWriteError:
    case Fault::kShortWrite: return SQLITE_IOERR_WRITE;
    case Fault::kFull: return SQLITE_FULL;
    case Fault::kSizeError: return SQLITE_IOERR_FSTAT;
    case Fault::kSyncError: return SQLITE_IOERR_FSYNC;
    case Fault::kDeleteError: return SQLITE_IOERR_DELETE;
    case Fault::kLockError: return SQLITE_IOERR_LOCK;
    case Fault::kMapError: return SQLITE_IOERR_SHMMAP;
    case Fault::kPowerLoss: return SQLITE_OK;
  }
  return SQLITE_OK;
}

void Apply(const FaultDisk::Write& write, size_t bytes, std::string* content) {
  const auto offset = static_cast<size_t>(write.offset);
  if (write.truncates) return content->resize(offset);
  if (content->size() < offset + bytes) content->resize(offset + bytes);
  content->replace(offset, bytes, write.bytes, 0, bytes);
}

}  // namespace

FaultDisk::FaultDisk() {
  TW_CHECK(the_disk == nullptr) << "one disk at a time";
  the_disk = this;
  the_system = sqlite3_vfs_find(nullptr);
  Vfs() = *the_system;  // what is not replaced passes on
  Vfs().zName = kName;
  Vfs().szOsFile += static_cast<int>(sizeof(OpenFile));
  Vfs().xOpen = OpenOnDisk;
  Vfs().xDelete = DeleteOnDisk;
  sqlite3_vfs_register(&Vfs(), /*makeDflt=*/1);
}

FaultDisk::~FaultDisk() {
  sqlite3_vfs_unregister(&Vfs());
  the_disk = nullptr;
}

FaultDisk::File* FaultDisk::Open(const std::string& path) {
  const auto [it, is_new] = files_.try_emplace(path);
  if (is_new) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream content;
    if (in) content << in.rdbuf();
    it->second.durable = std::move(content).str();
  }
  return &it->second;
}

const char* FaultDisk::NameOf(Fault fault) {
  constexpr const char* kNames[] = {"OpenError", "ReadError", "WriteError", "ShortWrite",
                                    "FullDisk",  "SizeError", "SyncError",  "DeleteError",
                                    "LockError", "MapError",  "PowerLoss"};
  return kNames[static_cast<int>(fault)];
}

void FaultDisk::FailAt(Fault fault, int n, int times) {
  fault_ = fault;
  countdown_ = n;
  left_ = n > 0 ? times : 0;
  failed_ = false;
}

int FaultDisk::Before(Operation operation) {
  if (left_ == 0 || !Befalls(fault_, operation)) return SQLITE_OK;
  if (countdown_ > 1) return --countdown_, SQLITE_OK;
  --left_;
  if (fault_ == Fault::kPowerLoss) when_power_was_lost_ = files_;
  failed_ = true;
  return CodeOf(fault_);
}

int FaultDisk::Sync(File& file) {
  if (const int error = Before(Operation::kSync)) {
    file.unsynced.clear();
    return error;
  }
  for (const Write& write : file.unsynced) Apply(write, write.bytes.size(), &file.durable);
  file.unsynced.clear();
  return SQLITE_OK;
}

void FaultDisk::LosePower(const std::string& folder, Rng& rng) const {
  const bool before = failed_ && fault_ == Fault::kPowerLoss;
  for (const auto& [path, file] : before ? when_power_was_lost_ : files_) {
    std::string content = file.durable;
    for (const Write& write : file.unsynced) {
      if (rng.Below(2) == 0) continue;
      const size_t sectors = write.bytes.size() / kSector;
      const bool torn = sectors > 0 && rng.Below(4) == 0;
      Apply(write, torn ? kSector * rng.Below(sectors) : write.bytes.size(), &content);
    }
    const std::string name = std::filesystem::path(path).filename();
    std::ofstream(folder + "/" + name, std::ios::binary) << content;
  }
}

}  // namespace tilewright
