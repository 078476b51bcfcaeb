#include "tests/records/fault_disk.h"

#include <filesystem>
#include <fstream>
#include <new>

#include "base/check.h"

namespace tilewright {
namespace {

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

int WriteFile(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  if (const int error = the_disk->BeforeWrite()) return error;
  if (FaultDisk::File* state = Of(file)->state) {
    state->unsynced.push_back({offset, std::string(static_cast<const char*>(data), bytes)});
  }
  return Real(file)->pMethods->xWrite(Real(file), data, bytes, offset);
}

int TruncateFile(sqlite3_file* file, sqlite3_int64 size) {
  if (const int error = the_disk->BeforeWrite()) return error;
  if (FaultDisk::File* state = Of(file)->state) state->unsynced.push_back({size, "", true});
  return Real(file)->pMethods->xTruncate(Real(file), size);
}

// The system's own disk is never asked: power is lost only here.
int SyncFile(sqlite3_file* file, int) {
  FaultDisk::File* state = Of(file)->state;
  return state ? the_disk->Sync(*state) : SQLITE_OK;
}

// The rest passes on. Version 2 has shared memory, which a WAL needs, and no memory-mapped reads.
const sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); },
    .xRead =
        [](sqlite3_file* f, void* to, int bytes, sqlite3_int64 offset) {
          return Real(f)->pMethods->xRead(Real(f), to, bytes, offset);
        },
    .xWrite = WriteFile,
    .xTruncate = TruncateFile,
    .xSync = SyncFile,
    .xFileSize = [](sqlite3_file* f,
                    sqlite3_int64* size) { return Real(f)->pMethods->xFileSize(Real(f), size); },
    .xLock = [](sqlite3_file* f, int lock) { return Real(f)->pMethods->xLock(Real(f), lock); },
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
          return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, at);
        },
    .xShmLock =
        [](sqlite3_file* f, int offset, int count, int flags) {
          return Real(f)->pMethods->xShmLock(Real(f), offset, count, flags);
        },
    .xShmBarrier = [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); },
    .xShmUnmap = [](sqlite3_file* f,
                    int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); },
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int OpenOnDisk(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* got) {
  OpenFile* opened = new (file) OpenFile{};
  const int code = the_system->xOpen(the_system, path, opened->real(), flags, got);
  if (code != SQLITE_OK) return code;
  opened->base.pMethods = &kMethods;
  if (path) opened->state = the_disk->Open(path);
  return SQLITE_OK;
}

int DeleteOnDisk(sqlite3_vfs*, const char* path, int sync_folder) {
  the_disk->Delete(path);
  return the_system->xDelete(the_system, path, sync_folder);
}

sqlite3_vfs& Vfs() {
  static sqlite3_vfs vfs;
  return vfs;
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
    it->second.durable.assign(std::istreambuf_iterator<char>(in), {});
  }
  return &it->second;
}

void FaultDisk::FailAt(Fault fault, int n) {
  fault_ = fault;
  countdown_ = n;
  failed_ = false;
}

bool FaultDisk::Meets(bool sync) {
  const bool counts = fault_ == Fault::kPowerLoss || sync == (fault_ == Fault::kSyncError);
  if (!counts || countdown_ == 0 || --countdown_ > 0) return false;
  failed_ = true;
  if (fault_ == Fault::kPowerLoss) when_power_was_lost_ = files_;
  return true;
}

int FaultDisk::BeforeWrite() {
  if (!Meets(/*sync=*/false) || fault_ == Fault::kPowerLoss) return SQLITE_OK;
  return fault_ == Fault::kFull ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int FaultDisk::Sync(File& file) {
  if (Meets(/*sync=*/true) && fault_ == Fault::kSyncError) {
    file.unsynced.clear();
    return SQLITE_IOERR_FSYNC;
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
