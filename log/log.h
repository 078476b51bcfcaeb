// The farm's log: one line for each thing that people who run it want to know, with the names of
// what it is about as fields, so that lines can be searched and counted. Thread-safe.
//
//   2026-11-26T09:31:02.114Z warning lease lost job=resnet18-3f2a trial=41 attempt=977 worker=rack3
//   {"time":"2026-11-26T09:31:02.114Z","level":"warning","message":"lease lost","job":...}
//
// Secrets (session ids, keys, request ids) are never fields.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

enum class LogLevel { kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  std::string name;  // a word of the design: "job", "worker", "attempt"
  std::variant<std::string, uint64_t, double> value;
};
using LogFields = std::vector<LogField>;

class Log {
 public:
  virtual ~Log() = default;
  // `message` is one of the program's own texts; what comes from others belongs into fields. Does
  // not wait for the disk: where lines come faster than they can be written the oldest are dropped.
  virtual void Write(LogLevel level, std::string_view message, const LogFields& fields) = 0;

  void Info(std::string_view message, const LogFields& fields = {}) {
    Write(LogLevel::kInfo, message, fields);
  }
  void Warn(std::string_view message, const LogFields& fields = {}) {
    Write(LogLevel::kWarning, message, fields);
  }
  void Error(std::string_view message, const LogFields& fields = {}) {
    Write(LogLevel::kError, message, fields);
  }
};

// To stderr. What is written before the log is destroyed is there afterwards.
std::unique_ptr<Log> MakeStderrLog(LogFormat format);
// Appends to a file; PermissionDenied when it cannot be opened.
absl::StatusOr<std::unique_ptr<Log>> MakeFileLog(const std::string& path, LogFormat format);
// Keeps nothing.
Log& NoLog();

struct LogEvent {
  double unix_time = 0;  // in seconds
  LogLevel level = LogLevel::kInfo;
  std::string_view message;
  const LogFields& fields;
};
// A line without its newline, of at most 16 KiB: control characters and quotes of values are
// escaped, long values cut.
std::string FormatLine(LogFormat format, const LogEvent& event);

}  // namespace tilewright
