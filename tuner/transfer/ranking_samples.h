// Records as what a ranking learns from, and how well it would have done.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "records/store/record_store.h"
#include "tuner/transfer/learned_ranking.h"

namespace tilewright {

// The samples of each template among the matching records, usable ones and failures; foreign
// templates have none. A config that was measured several times counts once, with its fastest
// time. At most 50,000 a template, chosen evenly at random (the same records give the same ones).
absl::StatusOr<std::map<std::string, std::vector<RankingSample>>> SamplesOf(
    const RecordScan& records, const RecordFilter& filter);

// How a ranking that has not seen a task picks among the configs that were measured of it.
struct Judgement {
  size_t groups = 0;   // judged: those with enough configs; 0 = too little is known to judge
  double learned = 0;  // speed of the fastest of its first picks over the group's fastest, mean
  double random = 0;   // the same expected of as many random picks
};

// `picks` configs of each group, by trees trained on the other four fifths of the groups. Internal:
// the library of the trees.
absl::StatusOr<Judgement> Judge(const std::vector<RankingSample>& samples, size_t picks);

}  // namespace tilewright
