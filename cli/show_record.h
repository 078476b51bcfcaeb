// Records as JSON and as cells of a table.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "records/record.h"

namespace tilewright {

nlohmann::ordered_json RecordJson(const Record& record);

// "0.1234", or the failure's kind.
std::string MillisecondsText(const Record& record);
// GFLOP/s of the median; "-" for a failure or another system's template.
std::string SpeedText(const Record& record);
// "{tile_oc: [-1, 16], unroll_kw: 1}".
std::string ConfigText(const Config& config);
// Local date and time.
std::string TimeText(double unix_time);

}  // namespace tilewright
