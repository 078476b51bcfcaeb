// bench-tophub-model LOG: how AutoTVM's tuned GPU configs of a TopHub package stand in our spaces
// before anything is built: the share that the filters keep, and each kept config's rank by the
// seed model among random valid configs of its workload (0 %: predicted the fastest). Rows of
// today's spaces (a split begins with -1; those of 2018 say every part) must have our index.
// `indices`: a log of trials, of which only that is asked. Exit code 1 where a figure is missed.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "compiler/templates/support/simt_template.h"
#include "records/formats/autotvm_log.h"

namespace tilewright {
namespace {

constexpr int kSamples = 1000;
constexpr uint64_t kSeed = 1;
constexpr double kLeastKept = 90, kMostMedianRank = 6;  // percent

struct Standing {
  int rows = 0, kept = 0;
  int todays = 0, same_index = 0;      // of them of today's spaces, and those at their index
  std::vector<double> ranks;           // percent
  std::map<std::string, int> refused;  // by rule
};

double RankOf(const Config& config, const ConfigSpace& space,
              const std::function<double(const Config&)>& predict) {
  const double own = predict(config);
  Rng rng(kSeed);
  int faster = 0, samples = 0;
  for (; samples < kSamples; ++samples) {
    const std::optional<uint64_t> index = space.Sample(rng);
    if (!index) break;
    faster += predict(space.At(*index)) < own;
  }
  return samples == 0 ? 0 : 100.0 * faster / samples;
}

bool IsOfTodaysSpace(const Config& config) {
  for (const auto& [name, entity] : config.entities) {
    const auto* split = std::get_if<SplitEntity>(&entity);
    if (split != nullptr) return split->sizes.front() == -1;
  }
  return false;
}

// Rows of other templates and rows that are not of the template's space are passed over.
void Add(const std::string& line, bool only_indices, std::map<std::string, Standing>* table) {
  const absl::StatusOr<Record> record = DecodeLogLine(line);
  if (!record.ok() || !record->foreign_line.empty()) return;
  const Task& task = record->task;
  const absl::StatusOr<const Template*> found = FindTemplate(task.template_name);
  if (!found.ok() || !(*found)->Matches(task.workload, task.target)) return;
  const ConfigSpace space = (*found)->Space(task.workload, task.target);
  const absl::StatusOr<uint64_t> index = space.IndexOf(record->config);
  if (!index.ok()) return;
  const Config config = space.At(*index);
  Standing& standing = (*table)[task.template_name];
  ++standing.rows;
  if (IsOfTodaysSpace(record->config)) {
    ++standing.todays;
    standing.same_index += *index == record->index && space.At(record->index) == config;
  }
  if (only_indices) return;
  if (const std::optional<std::string> rule = space.WhyInvalid(config)) {
    ++standing.refused[*rule];
    return;
  }
  ++standing.kept;
  const auto* simt = dynamic_cast<const SimtTemplate*>(*found);
  if (simt == nullptr) return;
  standing.ranks.push_back(RankOf(config, space, simt->Predictor(task.workload, task.target)));
}

double Quantile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))];
}

double KeptPercent(const Standing& standing) { return 100.0 * standing.kept / standing.rows; }

void Print(const std::string& name, Standing& standing, bool only_indices) {
  std::printf("%-28s %4d rows, index agrees on %d of %d", name.c_str(), standing.rows,
              standing.same_index, standing.todays);
  if (!only_indices) std::printf(", %5.1f %% kept", KeptPercent(standing));
  std::sort(standing.ranks.begin(), standing.ranks.end());
  if (!standing.ranks.empty()) {
    std::printf(", rank: median %.1f %%, 90th percentile %.1f %%", Quantile(standing.ranks, 0.5),
                Quantile(standing.ranks, 0.9));
  }
  std::printf("\n");
  for (const auto& [rule, count] : standing.refused) std::printf("  %d: %s\n", count, rule.c_str());
}

Standing Sum(const std::map<std::string, Standing>& table) {
  Standing sum;
  for (const auto& [name, standing] : table) {
    sum.rows += standing.rows;
    sum.kept += standing.kept;
    sum.todays += standing.todays;
    sum.same_index += standing.same_index;
    sum.ranks.insert(sum.ranks.end(), standing.ranks.begin(), standing.ranks.end());
  }
  std::sort(sum.ranks.begin(), sum.ranks.end());
  return sum;
}

bool IsMet(const Standing& sum, bool only_indices) {
  if (sum.rows == 0 || sum.same_index != sum.todays) return false;
  if (only_indices) return true;
  return KeptPercent(sum) >= kLeastKept && !sum.ranks.empty() &&
         Quantile(sum.ranks, 0.5) <= kMostMedianRank;
}

int Main(const char* path, bool only_indices) {
  std::ifstream log(path);
  if (!log) {
    std::fprintf(stderr, "cannot read %s\n", path);
    return 3;
  }
  std::map<std::string, Standing> table;
  for (std::string line; std::getline(log, line);) Add(line, only_indices, &table);
  for (auto& [name, standing] : table) Print(name, standing, only_indices);
  Standing sum = Sum(table);
  if (sum.rows > 0) Print("all", sum, only_indices);
  return IsMet(sum, only_indices) ? 0 : 1;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  const bool only_indices = argc == 3 && std::string(argv[2]) == "indices";
  if (argc != 2 && !only_indices) {
    std::fprintf(stderr, "usage: bench-tophub-model LOG [indices]\n");
    return 2;
  }
  return tilewright::Main(argv[1], only_indices);
}
