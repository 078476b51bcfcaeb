// Where a farm's process logs: the options of serve and worker.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "log/log.h"

namespace tilewright {

struct LogOptions {
  std::string format = "text";
  std::string file;  // empty: stderr
};

// --log-format and --log. `options` must live as long as the verb.
void AddLogOptions(CLI::App* verb, LogOptions* options);

absl::StatusOr<std::unique_ptr<Log>> OpenLog(const LogOptions& options);

}  // namespace tilewright
