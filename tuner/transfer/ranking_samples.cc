#include "tuner/transfer/ranking_samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr size_t kMostSamples = 50'000;
constexpr size_t kFolds = 5;

// The measured configs of one task on one device: seconds by config, infinite for failures.
struct Group {
  NamedFeatures task;
  std::map<std::string, std::pair<NamedFeatures, double>> configs;  // by EntitiesToJson
};

// What is known to be no fact about the config is left out.
bool Teaches(const Record& record) {
  if (!record.foreign_line.empty()) return false;
  const auto* failure = std::get_if<Failure>(&record.outcome);
  if (failure == nullptr) return IsUsable(record);
  return record.record_class == "ok" && failure->kind != FailureKind::kUnknown;
}

std::string GroupKey(const Record& record) {
  return absl::StrCat(KeyOf(record.task), "|", record.device_key, "|", record.threads);
}

void Add(const Record& record, Group* group) {
  if (group->task.empty()) group->task = FeaturesOf(record.task);
  auto& [features, seconds] = group->configs[EntitiesToJson(record.config)];
  const bool first = features.empty();
  if (first) features = FeaturesOf(record.config);
  const double median = MedianSeconds(record.outcome).value_or(INFINITY);
  seconds = first ? median : std::min(seconds, median);
}

// Nothing of a group in which nothing ran.
void Append(Group group, size_t number, std::vector<RankingSample>* samples) {
  double best = INFINITY;
  for (const auto& [text, config] : group.configs) best = std::min(best, config.second);
  if (std::isinf(best)) return;
  for (auto& [text, config] : group.configs) {
    samples->push_back({.group = number,
                        .task = group.task,
                        .config = std::move(config.first),
                        .score = static_cast<float>(best / config.second)});
  }
}

void Thin(std::vector<RankingSample>* samples) {
  if (samples->size() <= kMostSamples) return;
  Rng rng(0);
  for (size_t i = 0; i < kMostSamples; ++i) {
    std::swap((*samples)[i], (*samples)[i + rng.Below(samples->size() - i)]);
  }
  samples->resize(kMostSamples);
}

// The mean of the best of `picks` random ones among the scores.
double ExpectedBest(std::vector<float> scores, size_t picks) {
  std::sort(scores.begin(), scores.end(), std::greater<>());
  double expected = 0, none_better = 1;  // that no pick is among the first i
  for (size_t i = 0; i < scores.size(); ++i) {
    const double left = static_cast<double>(scores.size() - i);
    const double picked = std::min(1.0, static_cast<double>(picks) / left);
    expected += none_better * picked * scores[i];
    none_better *= 1 - picked;
  }
  return expected;
}

double BestPicked(const TemplateRanking& ranking, const std::vector<const RankingSample*>& group,
                  size_t picks) {
  std::vector<NamedFeatures> configs;
  for (const RankingSample* sample : group) configs.push_back(sample->config);
  const std::vector<float> predicted = ranking.Score(group[0]->task, configs);
  std::vector<size_t> order(group.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return predicted[a] > predicted[b]; });
  float best = 0;
  for (size_t i = 0; i < picks; ++i) best = std::max(best, group[order[i]]->score);
  return best;
}

}  // namespace

absl::StatusOr<std::map<std::string, std::vector<RankingSample>>> SamplesOf(
    const RecordScan& records, const RecordFilter& filter) {
  std::map<std::string, std::map<std::string, Group>> groups;  // by template, then GroupKey
  TW_RETURN_IF_ERROR(records.ForEach(filter, [&](const Record& record) {
    if (Teaches(record)) Add(record, &groups[record.task.template_name][GroupKey(record)]);
    return true;
  }));
  std::map<std::string, std::vector<RankingSample>> samples;
  for (auto& [name, of_template] : groups) {
    size_t number = 0;
    for (auto& [key, group] : of_template) Append(std::move(group), number++, &samples[name]);
    Thin(&samples[name]);
  }
  std::erase_if(samples, [](const auto& entry) { return entry.second.empty(); });
  return samples;
}

absl::StatusOr<Judgement> Judge(const std::vector<RankingSample>& samples, size_t picks) {
  std::map<size_t, std::vector<const RankingSample*>> groups;
  for (const RankingSample& sample : samples) groups[sample.group].push_back(&sample);
  Judgement judgement;
  if (groups.size() < kFolds) return judgement;
  for (size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<const RankingSample*> seen;
    for (const RankingSample& sample : samples) {
      if (sample.group % kFolds != fold) seen.push_back(&sample);
    }
    if (seen.empty()) continue;
    TW_ASSIGN_OR_RETURN(const TemplateRanking ranking, TemplateRanking::Train(seen));
    for (const auto& [number, group] : groups) {
      if (number % kFolds != fold || group.size() < 2 * picks) continue;
      std::vector<float> scores;
      for (const RankingSample* sample : group) scores.push_back(sample->score);
      judgement.learned += BestPicked(ranking, group, picks);
      judgement.random += ExpectedBest(scores, picks);
      ++judgement.groups;
    }
  }
  if (judgement.groups > 0) {
    judgement.learned /= static_cast<double>(judgement.groups);
    judgement.random /= static_cast<double>(judgement.groups);
  }
  return judgement;
}

}  // namespace tilewright
