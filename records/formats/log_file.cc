#include "records/formats/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <streambuf>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr unsigned kBufferBytes = 64 << 10;
constexpr absl::string_view kUtf8Mark = "\xEF\xBB\xBF";

struct OtherKind {
  absl::string_view start, what;
};
constexpr OtherKind kOtherKinds[] = {
    {"SQLite format 3", "a records file; name it with --records"},
    {"\xFF\xFE", "UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8"},
    {"\xFE\xFF", "UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8"},
    {"PK\x03\x04", "a zip file; unpack it first"},
    {"\xFD"
     "7zXZ",
     "an xz file; unpack it first"},
    {"\x28\xB5\x2F\xFD", "a zstd file; unpack it first"},
    {"BZh", "a bzip2 file; unpack it first"},
    {"\x7F"
     "ELF",
     "a program"}};

absl::Status CheckKind(int fd, const std::string& path) {
  struct stat info{};
  if (fstat(fd, &info) != 0) {
    return absl::PermissionDeniedError(absl::StrCat("cannot read ", path, ": ", strerror(errno)));
  }
  if (S_ISREG(info.st_mode) || S_ISFIFO(info.st_mode)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path, S_ISDIR(info.st_mode) ? " is a folder" : " is a device", ", not a log file"));
}

absl::StatusOr<int> OpenToRead(const std::string& path) {
  // Without O_NONBLOCK opening a pipe waits for a writer.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    const std::string what = absl::StrCat("cannot read ", path, ": ", std::strerror(errno));
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(what);
    return absl::PermissionDeniedError(what);
  }
  if (absl::Status status = CheckKind(fd, path); !status.ok()) {
    close(fd);
    return status;
  }
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return fd;
}

}  // namespace

// A stream buffer over zlib, which passes plain files through.
class LogFile::Buffer final : public std::streambuf {
 public:
  explicit Buffer(gzFile file) : file_(file), bytes_(kBufferBytes) {}
  ~Buffer() override { gzclose(file_); }
  bool failed() const { return failed_; }

  // The first bytes; leaves a byte order mark out.
  absl::string_view Start() {
    underflow();
    absl::string_view start(gptr(), egptr() - gptr());
    if (absl::StartsWith(start, kUtf8Mark)) {
      start.remove_prefix(kUtf8Mark.size());
      gbump(static_cast<int>(kUtf8Mark.size()));
    }
    return start;
  }

 protected:
  int_type underflow() override {
    if (gptr() < egptr()) return traits_type::to_int_type(*gptr());
    const int count = failed_ ? -1 : gzread(file_, bytes_.data(), kBufferBytes);
    int error = Z_OK;
    gzerror(file_, &error);
    failed_ = failed_ || count < 0 || error == Z_BUF_ERROR;  // the latter: a cut gzip file
    if (count <= 0) return traits_type::eof();
    setg(bytes_.data(), bytes_.data(), bytes_.data() + count);
    return traits_type::to_int_type(*gptr());
  }

 private:
  const gzFile file_;
  std::vector<char> bytes_;
  bool failed_ = false;
};

LogFile::LogFile(std::string path, std::unique_ptr<Buffer> buffer)
    : path_(std::move(path)), buffer_(std::move(buffer)), stream_(buffer_.get()) {}

LogFile::~LogFile() = default;

absl::Status LogFile::status() const {
  if (!buffer_->failed()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, " is damaged or cut short"));
}

absl::StatusOr<std::unique_ptr<LogFile>> LogFile::Open(const std::string& path) {
  TW_ASSIGN_OR_RETURN(const int fd, OpenToRead(path));
  const gzFile file = gzdopen(fd, "rb");
  if (file == nullptr) {
    close(fd);
    return absl::ResourceExhaustedError(absl::StrCat("not enough memory to read ", path));
  }
  auto buffer = std::make_unique<Buffer>(file);
  const absl::string_view start = buffer->Start();
  for (const OtherKind& kind : kOtherKinds) {
    if (absl::StartsWith(start, kind.start)) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is no log but ", kind.what));
    }
  }
  if (absl::StrContains(start.substr(0, 4096), '\0')) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is no log: it is not text"));
  }
  return std::unique_ptr<LogFile>(new LogFile(path, std::move(buffer)));
}

}  // namespace tilewright
