// What was measured of some workloads says which configs of others are worth a trial: for each
// template gradient-boosted trees over the workload's dimensions, the target and the knobs predict
// a config's speed as a share of its workload's best (transfer: Chen et al., Learning to Optimize
// Tensor Programs, NeurIPS 2018, section 4). A search that starts there is better after its first
// trials than one that starts at random. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/schedule/config_space.h"
#include "tuner/model/cost_model.h"
#include "tuner/transfer/config_features.h"

namespace tilewright {

// One measured config. `score` is the speed over that of the group's fastest config, in [0, 1]; a
// failure has 0.
struct RankingSample {
  size_t group = 0;  // samples of one group are of one task and device
  NamedFeatures task, config;
  float score = 0;
};

// Trees of one template.
class TemplateRanking {
 public:
  // REQUIRES: at least one sample.
  static absl::StatusOr<TemplateRanking> Train(const std::vector<const RankingSample*>& samples);
  static absl::StatusOr<TemplateRanking> Load(std::vector<std::string> columns,
                                              std::string_view trees);

  // The predicted share of the best; comparable within one task.
  std::vector<float> Score(const NamedFeatures& task,
                           const std::vector<NamedFeatures>& configs) const;
  const FeatureColumns& columns() const { return columns_; }
  absl::StatusOr<std::string> Trees() const { return model_->Save(); }

 private:
  FeatureColumns columns_;
  std::unique_ptr<CostModel> model_;
};

class LearnedRanking {
 public:
  // Of every template with samples. Internal: the library of the trees.
  static absl::StatusOr<LearnedRanking> Train(
      const std::map<std::string, std::vector<RankingSample>>& samples);
  // Reads what Text wrote. InvalidArgument says what is wrong; at most 256 MiB.
  static absl::StatusOr<LearnedRanking> Parse(std::string_view text);
  absl::StatusOr<std::string> Text() const;

  std::vector<std::string> Templates() const;
  // `count` valid points of a space whose configs are ranked highest, different among each other;
  // none when nothing is known of the template. Large spaces are sampled; the same seed gives the
  // same points.
  std::vector<uint64_t> Best(const Task& task, const ConfigSpace& space, size_t count,
                             uint64_t seed) const;

 private:
  std::map<std::string, TemplateRanking> rankings_;
};

}  // namespace tilewright
