// The options that choose records: --op, --workload, --key, ...
#pragma once

#include <CLI/CLI.hpp>

#include "records/store/record_store.h"

namespace tilewright {

// `filter` must live as long as the verb.
inline void AddFilterOptions(CLI::App* verb, RecordFilter* filter) {
  verb->add_option("--op", filter->op, "only this operator: conv2d, dense, ...");
  verb->add_option("--workload", filter->workload_substring,
                   "only workloads whose key contains this text");
  verb->add_option("--template", filter->template_name, "only this template");
  verb->add_option("--target", filter->target, "only this target, as `best` prints it");
  verb->add_option("--key", filter->device_key, "only devices of this key");
  verb->add_option("--job", filter->job, "only this job");
}

}  // namespace tilewright
