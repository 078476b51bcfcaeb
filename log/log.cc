#include "log/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace tilewright {
namespace {

constexpr size_t kQueuedLines = 8192;

spdlog::level::level_enum SpdLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

class SpdLog final : public Log {
 public:
  SpdLog(spdlog::sink_ptr sink, LogFormat format)
      : format_(format),
        pool_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        logger_(std::make_shared<spdlog::async_logger>(
            "tilewright", std::move(sink), pool_, spdlog::async_overflow_policy::overrun_oldest)) {
    logger_->set_pattern("%v");  // the lines are complete: their time is that of the event
    logger_->flush_on(spdlog::level::info);
  }

  void Write(LogLevel level, std::string_view message, const LogFields& fields) override {
    const std::string line =
        FormatLine(format_, {SystemClock().UnixTime(), level, message, fields});
    logger_->log(SpdLevel(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  const LogFormat format_;
  const std::shared_ptr<spdlog::details::thread_pool> pool_;  // ends after the logger
  const std::shared_ptr<spdlog::async_logger> logger_;
};

class Silence final : public Log {
 public:
  void Write(LogLevel, std::string_view, const LogFields&) override {}
};

}  // namespace

std::unique_ptr<Log> MakeStderrLog(LogFormat format) {
  return std::make_unique<SpdLog>(std::make_shared<spdlog::sinks::stderr_sink_mt>(), format);
}

absl::StatusOr<std::unique_ptr<Log>> MakeFileLog(const std::string& path, LogFormat format) {
  try {
    return std::make_unique<SpdLog>(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path),
                                    format);
  } catch (const spdlog::spdlog_ex& error) {
    return absl::PermissionDeniedError(absl::StrCat("cannot log to ", path, ": ", error.what()));
  }
}

Log& NoLog() {
  static Silence silence;
  return silence;
}

}  // namespace tilewright
