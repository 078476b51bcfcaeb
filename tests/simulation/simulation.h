// A farm in one thread: the server's dispatcher, jobs, searchers and records, fifty workers and a
// few users, on a network, a disk and a clock that fail. The faults end after some minutes of the
// world's time; from then on everything has to come to its end.
// The method is FoundationDB's (Zhou et al., "FoundationDB: A Distributed Unbundled Transactional
// Key Value Store", SIGMOD 2021, section 4); which kinds of faults happen together is left to
// chance for each seed (Groce et al., "Swarm Testing", ISSTA 2012).
//
// Not simulated: gRPC, TLS and roles, what a network's times are made of, a farm's other threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tilewright {

struct SimulationOptions {
  uint64_t seed = 0;
  bool prints = false;  // the whole story, to stderr
};

struct SimulationResult {
  uint64_t hash = 0;  // of the story: the same for the same seed and program
  uint64_t lines = 0;
  std::vector<std::string> violations;  // empty: all is well
  std::vector<std::string> story;       // its end
  // What happened.
  uint64_t jobs = 0, records = 0, events = 0, leases = 0, lost = 0, faults = 0, quarantines = 0;
  uint64_t networks = 0;         // decided
  uint64_t withdrawn = 0;        // results that jobs had counted
  uint64_t lives = 0, torn = 0;  // of the server; those that ended within a write
  double seconds = 0;            // of the world
};

SimulationResult Simulate(const SimulationOptions& options);

}  // namespace tilewright
