// The options that choose records: --op, --workload, --key, ...
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/arguments.h"
#include "records/store/record_store.h"

namespace tilewright {

// `filter` must live as long as the verb.
inline void AddFilterOptions(CLI::App* verb, RecordFilter* filter) {
  const auto only = [verb](const char* name, std::string& value, const char* help) {
    verb->add_option(name, value, help)->check(OneLine());
  };
  only("--op", filter->op, "only this operator: conv2d, dense, ...");
  only("--workload", filter->workload_substring, "only workloads whose key contains this text");
  only("--template", filter->template_name, "only this template");
  only("--target", filter->target, "only this target, as `best` prints it");
  only("--key", filter->device_key, "only devices of this key");
  only("--job", filter->job, "only this job");
}

}  // namespace tilewright
