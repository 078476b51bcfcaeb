// What happened to one config. A kernel that fails is data to learn from, never a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/core/config.h"

namespace tilewright {

// Wall seconds per kernel call, one per repeat, all kept; warm-up excluded.
struct Timing {
  std::vector<double> seconds;
  friend bool operator==(const Timing&, const Timing&) = default;
};

enum class FailureKind {
  kInstantiation,  // the template refused the config
  kBuild,          // the compiler failed or crashed
  kBuildTimeout,
  kCrash,  // the kernel's process died (signal, memory limit)
  kRunTimeout,
  kWrongResult,  // the output differs from the reference
  kUnknown,
};

struct Failure {
  FailureKind kind = FailureKind::kUnknown;
  std::string message;
  friend bool operator==(const Failure&, const Failure&) = default;
};

using Outcome = std::variant<Timing, Failure>;

// "ok", "wrong_result", ...: the words of records, proto and logs.
std::string_view NameOf(FailureKind kind);
std::optional<FailureKind> ParseFailureKind(std::string_view name);

// AutoTVM's MeasureErrorNo (0 = no error) of an outcome.
int AutoTvmErrorNo(const Outcome& outcome);

// Median of the samples; nullopt for a failure or no samples.
std::optional<double> MedianSeconds(const Outcome& outcome);

// A config tried once. `index` is its position in the task's ConfigSpace.
struct Trial {
  Config config;
  uint64_t index = 0;
  Outcome outcome;
};

}  // namespace tilewright
