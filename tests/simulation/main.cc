// Runs simulations of a farm, one seed after the other; ends with 1 when one of them has broken a
// promise, and says how to see it again.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/faults/fault_counts.h"
#include "tests/simulation/simulation.h"

namespace tilewright {
namespace {

struct Totals {
  uint64_t hash = 0;
  uint64_t seeds = 0, broken = 0, jobs = 0, records = 0, events = 0, leases = 0, lost = 0;
  uint64_t faults = 0, quarantines = 0, networks = 0, lives = 0, torn = 0;
  double seconds = 0;
};

void Add(const SimulationResult& result, Totals* totals) {
  totals->hash = totals->hash * 0x100000001b3u ^ result.hash;
  ++totals->seeds;
  totals->broken += !result.violations.empty();
  totals->jobs += result.jobs;
  totals->records += result.records;
  totals->events += result.events;
  totals->leases += result.leases;
  totals->lost += result.lost;
  totals->faults += result.faults;
  totals->quarantines += result.quarantines;
  totals->networks += result.networks;
  totals->lives += result.lives;
  totals->torn += result.torn;
  totals->seconds += result.seconds;
}

void Complain(const SimulationResult& result, uint64_t seed, const std::string& program) {
  constexpr size_t kMostLines = 20;
  const size_t lines = std::min(kMostLines, result.story.size());
  for (auto line = result.story.end() - static_cast<long>(lines); line != result.story.end();
       ++line) {
    std::fprintf(stderr, "  %s\n", line->c_str());
  }
  for (const std::string& violation : result.violations) {
    std::fprintf(stderr, "seed %lu: %s\n", seed, violation.c_str());
  }
  std::fprintf(stderr, "again: %s --first %lu --seeds 1 --story\n", program.c_str(), seed);
}

void PrintTotals(const Totals& totals) {
  std::printf("seeds %lu, broken %lu, hash %016lx\n", totals.seeds, totals.broken, totals.hash);
  std::printf(
      "jobs %lu, records acknowledged %lu, events told %lu, leases %lu, networks decided %lu\n",
      totals.jobs, totals.records, totals.events, totals.leases, totals.networks);
  std::printf(
      "server started %lu times (%lu of them after a loss of power within a write), leases "
      "lost %lu, faults of workers %lu, quarantines %lu, simulated hours %.1f\n",
      totals.lives, totals.torn, totals.lost, totals.faults, totals.quarantines,
      totals.seconds / 3600);
  Print(
      {.injected = static_cast<int64_t>(totals.lives - totals.seeds + totals.lost + totals.faults),
       .acknowledged = static_cast<int64_t>(totals.records + totals.events + totals.jobs)});
}

int Main(int argc, char** argv) {
  CLI::App app("Simulates a farm that fails, seed by seed.");
  uint64_t first = 1, seeds = 100, stop_after = 5;
  bool story = false;
  app.add_option("--first", first, "the first seed");
  app.add_option("--seeds", seeds, "how many");
  app.add_option("--stop-after", stop_after, "so many broken seeds");
  app.add_flag("--story", story, "print all that happens");
  CLI11_PARSE(app, argc, argv);
  Totals totals;
  for (uint64_t seed = first; seed < first + seeds && totals.broken < stop_after; ++seed) {
    const SimulationResult result = Simulate({.seed = seed, .prints = story});
    Add(result, &totals);
    if (seeds == 1) std::printf("seed %lu, hash %016lx\n", seed, result.hash);
    if (!result.violations.empty()) Complain(result, seed, argv[0]);
  }
  PrintTotals(totals);
  return totals.broken > 0 ? 1 : 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) { return tilewright::Main(argc, argv); }
