#include "cli/tuning/cost_model.h"

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "cli/exit_code.h"

namespace tilewright {

absl::StatusOr<LearnedRanking> ReadCostModel(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) return BadInput(absl::NotFoundError(absl::StrCat("cannot read ", path)));
  absl::StatusOr<LearnedRanking> ranking = LearnedRanking::Parse(text);
  if (ranking.ok()) return ranking;
  return BadInput(
      absl::Status(ranking.status().code(), absl::StrCat(path, ": ", ranking.status().message())));
}

}  // namespace tilewright
