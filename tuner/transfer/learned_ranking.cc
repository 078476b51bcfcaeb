#include "tuner/transfer/learned_ranking.h"

#include <zlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "tuner/model/xgboost_model.h"
#include "tuner/search/diversity.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

constexpr char kFormat[] = "tilewright cost model";
constexpr int kVersion = 1;
constexpr size_t kMaxText = size_t{256} << 20;
constexpr size_t kMaxColumns = 10'000;
constexpr uint64_t kRankWhole = 20'000;  // points of a space; above, a sample
constexpr size_t kSampled = 8'000;
constexpr size_t kKeptPerPick = 4;  // the best ranked, among which different ones are picked

// Deeper than the search's own trees: there is more data, and the workload is part of it.
XgboostOptions ModelOptions() {
  return {.loss = XgboostOptions::Loss::kRegression,
          .rounds = 150,
          .max_depth = 7,
          .eta = 0.1,
          .max_bin = 128};
}

std::vector<uint64_t> Candidates(const ConfigSpace& space, uint64_t seed) {
  if (space.size() <= kRankWhole) return space.EnumerateValid(kRankWhole).value();
  Rng rng(seed);
  std::set<uint64_t> sampled;
  for (size_t i = 0; i < kSampled; ++i) {
    const std::optional<uint64_t> index = space.Sample(rng);
    if (!index) break;
    sampled.insert(*index);
  }
  return {sampled.begin(), sampled.end()};
}

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("not a cost model of this version (`tilewright train` writes one): ", Sv(what)));
}

// XGBoost trusts the trees that it reads: damage is found before.
uint32_t ChecksumOf(const Json& templates) {
  const std::string text = templates.dump();
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

}  // namespace

absl::StatusOr<TemplateRanking> TemplateRanking::Train(
    const std::vector<const RankingSample*>& samples) {
  TemplateRanking ranking;
  for (const RankingSample* sample : samples) {
    ranking.columns_.Add(sample->task);
    ranking.columns_.Add(sample->config);
  }
  FeatureMatrix rows{.columns = ranking.columns_.names().size()};
  std::vector<float> scores;
  for (const RankingSample* sample : samples) {
    ranking.columns_.AppendRow(sample->task, sample->config, rows.values);
    scores.push_back(sample->score);
  }
  ranking.model_ = MakeXgboostModel(ModelOptions());
  TW_RETURN_IF_ERROR(ranking.model_->Fit(rows, scores));
  return ranking;
}

absl::StatusOr<TemplateRanking> TemplateRanking::Load(std::vector<std::string> columns,
                                                      std::string_view trees) {
  TemplateRanking ranking;
  TW_ASSIGN_OR_RETURN(ranking.model_, LoadXgboostModel(trees, columns.size()));
  ranking.columns_ = FeatureColumns(std::move(columns));
  return ranking;
}

std::vector<float> TemplateRanking::Score(const NamedFeatures& task,
                                          const std::vector<NamedFeatures>& configs) const {
  FeatureMatrix rows{.columns = columns_.names().size()};
  for (const NamedFeatures& config : configs) columns_.AppendRow(task, config, rows.values);
  return model_->Score(rows);
}

absl::StatusOr<LearnedRanking> LearnedRanking::Train(
    const std::map<std::string, std::vector<RankingSample>>& samples) {
  LearnedRanking learned;
  for (const auto& [name, of_template] : samples) {
    if (of_template.empty()) continue;
    std::vector<const RankingSample*> all;
    for (const RankingSample& sample : of_template) all.push_back(&sample);
    TW_ASSIGN_OR_RETURN(TemplateRanking ranking, TemplateRanking::Train(all));
    learned.rankings_.emplace(name, std::move(ranking));
  }
  return learned;
}

absl::StatusOr<std::string> LearnedRanking::Text() const {
  Json templates = Json::object();
  for (const auto& [name, ranking] : rankings_) {
    TW_ASSIGN_OR_RETURN(std::string trees, ranking.Trees());
    templates[name] = {{"columns", ranking.columns().names()}, {"trees", std::move(trees)}};
  }
  const uint32_t checksum = ChecksumOf(templates);
  return Json{{"format", kFormat},
              {"version", kVersion},
              {"checksum", checksum},
              {"templates", std::move(templates)}}
             .dump() +
         "\n";
}

absl::StatusOr<LearnedRanking> LearnedRanking::Parse(std::string_view text) {
  if (text.size() > kMaxText) return Bad(absl::StrCat(text.size(), " bytes, at most ", kMaxText));
  LearnedRanking learned;
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != kFormat) return Bad("another format");
    if (json.at("version") != kVersion) return Bad("another version");
    if (json.at("checksum") != ChecksumOf(json.at("templates"))) return Bad("it is damaged");
    for (const auto& [name, entry] : json.at("templates").items()) {
      auto columns = entry.at("columns").get<std::vector<std::string>>();
      if (columns.empty() || columns.size() > kMaxColumns) return Bad("no or too many columns");
      absl::StatusOr<TemplateRanking> ranking =
          TemplateRanking::Load(std::move(columns), entry.at("trees").get<std::string>());
      if (!ranking.ok()) return Bad(absl::StrCat(name, ": ", ranking.status().message()));
      learned.rankings_.emplace(name, *std::move(ranking));
    }
  } catch (const Json::exception& e) {
    return Bad(e.what());
  }
  return learned;
}

std::vector<std::string> LearnedRanking::Templates() const {
  std::vector<std::string> names;
  for (const auto& [name, ranking] : rankings_) names.push_back(name);
  return names;
}

std::vector<uint64_t> LearnedRanking::Best(const Task& task, const ConfigSpace& space, size_t count,
                                           uint64_t seed) const {
  const auto found = rankings_.find(task.template_name);
  if (found == rankings_.end()) return {};
  const std::vector<uint64_t> points = Candidates(space, seed);
  std::vector<NamedFeatures> configs;
  for (uint64_t point : points) configs.push_back(FeaturesOf(space.At(point)));
  const std::vector<float> scores = found->second.Score(FeaturesOf(task), configs);
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t kept = std::min(order.size(), kKeptPerPick * count);
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), [&](size_t a, size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  std::vector<uint64_t> ranked;
  for (size_t i = 0; i < kept; ++i) ranked.push_back(points[order[i]]);
  return PickDiverse(space, std::move(ranked), count);
}

}  // namespace tilewright
