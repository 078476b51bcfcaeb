// Cost models as files: `tilewright train` writes one, `--cost-model` reads it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tuner/transfer/learned_ranking.h"

namespace tilewright {

// Bad input when the file is missing or no cost model.
absl::StatusOr<LearnedRanking> ReadCostModel(const std::string& path);

}  // namespace tilewright
