#include "compiler/templates/support/space.h"

#include "absl/strings/str_cat.h"

namespace tilewright {

std::vector<int64_t> Divisors(int64_t extent, int64_t limit) {
  std::vector<int64_t> divisors;
  for (int64_t d = 1; d <= extent && d <= limit; ++d) {
    if (extent % d == 0) divisors.push_back(d);
  }
  return divisors;
}

void DefineIntKnob(ConfigSpace& space, std::string name, const std::vector<int64_t>& candidates) {
  space.DefineKnob(std::move(name), {candidates.begin(), candidates.end()});
}

absl::Status CheckConfig(const ConfigSpace& space, const Config& config) {
  const absl::StatusOr<uint64_t> index = space.IndexOf(config);
  if (!index.ok()) return index.status();
  if (const std::optional<std::string> rule = space.WhyInvalid(config)) {
    return absl::InvalidArgumentError(
        absl::StrCat("config ", EntitiesToJson(config), " breaks the rule: ", *rule));
  }
  return absl::OkStatus();
}

Entity InnerSplit(int64_t inner) { return SplitEntity{{-1, inner}}; }

Entity Scalar(int64_t value) { return OtherEntity{value}; }

Entity Flag(bool value) { return OtherEntity{value}; }

}  // namespace tilewright
