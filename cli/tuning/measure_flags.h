// AutoTVM's options of measuring, for the verbs that make a job: number, repeat, min_repeat_ms,
// timeout and the flushed cache. What is not given stays as proto/measure_options.h has it.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "proto/tilewright.pb.h"

namespace tilewright {

struct MeasureFlags {
  std::optional<uint32_t> number, repeat;
  std::optional<double> min_repeat_ms, timeout_seconds;
  bool cache_flush = false;
};

// `flags` must live as long as the verb. Values out of bounds are wrong usage.
void AddMeasureFlags(CLI::App* verb, MeasureFlags* flags);

// Says in the job how its trials are timed; nothing where no option was given, so that the job is
// the one it would be without this.
void SetMeasure(const MeasureFlags& flags, v1::JobSpec* job);

}  // namespace tilewright
