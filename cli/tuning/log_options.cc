#include "cli/tuning/log_options.h"

namespace tilewright {

void AddLogOptions(CLI::App* verb, LogOptions* options) {
  verb->add_option("--log-format", options->format, "text or json: one line for each event")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  verb->add_option("--log", options->file, "file to append the log to (default: stderr)");
}

absl::StatusOr<std::unique_ptr<Log>> OpenLog(const LogOptions& options) {
  const LogFormat format = options.format == "json" ? LogFormat::kJson : LogFormat::kText;
  if (options.file.empty()) return MakeStderrLog(format);
  return MakeFileLog(options.file, format);
}

}  // namespace tilewright
