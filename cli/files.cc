#include "cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"

namespace tilewright {
namespace {

const char* KindOf(const struct stat& file) {
  if (S_ISLNK(file.st_mode)) return "a symbolic link";
  if (S_ISDIR(file.st_mode)) return "a folder";
  if (S_ISFIFO(file.st_mode)) return "a pipe";
  if (S_ISSOCK(file.st_mode)) return "a socket";
  return "a device";
}

struct KnownKind {
  const char* name;
  bool (*begins)(const std::string& head);
};

// By FileKind.
constexpr KnownKind kKinds[] = {
    {"a package", [](const std::string& head) { return head.starts_with("manifest.json"); }},
    {"a model made by tilewright",
     [](const std::string& head) {
       // ir_version, then producer_name (onnx.proto).
       return head.starts_with('\x08') && head.substr(0, 32).find("tilewright") != head.npos;
     }},
    {"an npz", [](const std::string& head) { return head.starts_with("PK\x03\x04"); }},
    {"a log of records", [](const std::string& head) { return head.starts_with("{\"i"); }},
    {"a cost model", [](const std::string& head) { return head.starts_with("{\"checksum\":"); }}};

// Whether a file is one that a verb of this kind may have written before.
bool IsOurs(const std::string& path, FileKind kind) {
  std::ifstream in(path, std::ios::binary);
  std::string head(64, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(in.gcount()));
  return head.empty() ? in.eof() : kKinds[static_cast<size_t>(kind)].begins(head);
}

// Whether the file that stands there may be replaced.
absl::Status CheckReplaceable(const std::string& path, const struct stat& file, FileKind kind,
                              const std::vector<std::string>& inputs) {
  const auto refuse = [&](const std::string& why) {
    return UsageError(
        absl::StrCat(path, " is ", why, ", which is never replaced: name a new file"));
  };
  if (!S_ISREG(file.st_mode)) return refuse(KindOf(file));
  // Asked of the permissions themselves: to root every file is writable.
  if ((file.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0) return refuse("a read-only file");
  for (const std::string& input : inputs) {
    struct stat read;
    if (input.empty() || stat(input.c_str(), &read) != 0) continue;
    const bool same = read.st_dev == file.st_dev && read.st_ino == file.st_ino;
    if (same) return refuse(absl::StrCat("the input ", input));
  }
  if (IsOurs(path, kind)) return absl::OkStatus();
  return refuse(absl::StrCat("not ", kKinds[static_cast<size_t>(kind)].name));
}

// An empty file beside `path` that no one else has; its name is empty when it cannot be made.
std::string MakeDraft(const std::string& path) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::string draft = absl::StrCat(path, ".partial-", getpid(), "-", attempt);
    const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
      close(fd);
      return draft;
    }
    if (errno != EEXIST) break;
  }
  return "";
}

bool Sync(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return synced;
}

// Of the file that is being written, for the signals that end this process.
std::atomic<const char*> draft_in_hand = nullptr;

void RemoveDraft(int signal) {
  if (const char* draft = draft_in_hand.load()) unlink(draft);
  raise(signal);  // ends the process once this has returned
}

void RemoveAtSignals(const char* draft) {
  draft_in_hand = draft;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action{};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action.sa_handler = RemoveDraft;
    action.sa_flags = SA_RESETHAND;
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

OutputFile::OutputFile(std::string path, FileKind kind, const std::vector<std::string>& inputs)
    : path_(std::move(path)) {
  status_ = Open(kind, inputs);
}

absl::Status OutputFile::Open(FileKind kind, const std::vector<std::string>& inputs) {
  if (path_ == "-") return UsageError("\"-\" is no file: name one (./- for one of that name)");
  if (path_.empty()) return UsageError("the name of the file to write is empty");
  struct stat file;
  if (lstat(path_.c_str(), &file) == 0) {
    TW_RETURN_IF_ERROR(CheckReplaceable(path_, file, kind, inputs));
    mode_ = static_cast<int>(file.st_mode & 07777);
  }
  draft_ = MakeDraft(path_);
  if (!draft_.empty()) stream_.open(draft_, std::ios::binary | std::ios::trunc);
  if (stream_.is_open()) {
    RemoveAtSignals(draft_.c_str());
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat("cannot write ", path_, ": ", std::strerror(errno)));
}

OutputFile::~OutputFile() {
  draft_in_hand = nullptr;
  if (!stream_.is_open()) return;
  stream_.close();
  std::remove(draft_.c_str());
}

absl::Status OutputFile::OfDraft(const absl::Status& written) const {
  if (written.ok()) return written;
  return absl::InternalError(absl::StrReplaceAll(written.message(), {{draft_, path_}}));
}

absl::Status OutputFile::Commit() {
  bool done = stream_.flush().good();
  done = done && (mode_ < 0 || chmod(draft_.c_str(), static_cast<mode_t>(mode_)) == 0);
  done = done && Sync(draft_) && std::rename(draft_.c_str(), path_.c_str()) == 0;
  if (!done) {
    return absl::InternalError(absl::StrCat("cannot write ", path_, ": ", std::strerror(errno)));
  }
  stream_.close();
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  Sync(folder.empty() ? "." : folder);  // not every file system can
  return absl::OkStatus();
}

}  // namespace tilewright
