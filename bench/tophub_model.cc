// bench-tophub-model LOG: how AutoTVM's tuned GPU configs of a TopHub package stand in our spaces
// before anything is built: the share that the filters keep, and each kept config's rank by the
// seed model among random valid configs of its workload (0 %: predicted the fastest).
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "compiler/templates/support/simt_template.h"
#include "records/autotvm_log.h"

namespace tilewright {
namespace {

constexpr int kSamples = 1000;
constexpr uint64_t kSeed = 1;

struct Standing {
  int rows = 0, kept = 0;
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

// Rows of other templates and rows that are not of the template's space are passed over.
void Add(const std::string& line, std::map<std::string, Standing>* table) {
  const absl::StatusOr<Record> record = DecodeLogLine(line);
  if (!record.ok() || !record->foreign_line.empty()) return;
  const Task& task = record->task;
  const absl::StatusOr<const Template*> found = FindTemplate(task.template_name);
  const auto* simt = found.ok() ? dynamic_cast<const SimtTemplate*>(*found) : nullptr;
  if (simt == nullptr || !simt->Matches(task.workload, task.target)) return;
  const ConfigSpace space = simt->Space(task.workload, task.target);
  const absl::StatusOr<uint64_t> index = space.IndexOf(record->config);
  if (!index.ok()) return;
  const Config config = space.At(*index);
  Standing& standing = (*table)[task.template_name];
  ++standing.rows;
  if (const std::optional<std::string> rule = space.WhyInvalid(config)) {
    ++standing.refused[*rule];
    return;
  }
  ++standing.kept;
  standing.ranks.push_back(RankOf(config, space, simt->Predictor(task.workload, task.target)));
}

double Quantile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))];
}

void Print(const std::string& name, Standing& standing) {
  std::printf("%-28s %4d rows, %5.1f %% kept", name.c_str(), standing.rows,
              100.0 * standing.kept / standing.rows);
  std::sort(standing.ranks.begin(), standing.ranks.end());
  if (!standing.ranks.empty()) {
    std::printf(", rank: median %.1f %%, 90th percentile %.1f %%", Quantile(standing.ranks, 0.5),
                Quantile(standing.ranks, 0.9));
  }
  std::printf("\n");
  for (const auto& [rule, count] : standing.refused) std::printf("  %d: %s\n", count, rule.c_str());
}

int Main(const char* path) {
  std::ifstream log(path);
  if (!log) {
    std::fprintf(stderr, "cannot read %s\n", path);
    return 3;
  }
  std::map<std::string, Standing> table;
  for (std::string line; std::getline(log, line);) Add(line, &table);
  for (auto& [name, standing] : table) Print(name, standing);
  return 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench-tophub-model LOG\n");
    return 2;
  }
  return tilewright::Main(argv[1]);
}
