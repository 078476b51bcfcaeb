// A user of the farm: submits jobs, watches them, pauses, resumes, cancels and submits them again,
// until each has ended. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/worker.h"

namespace tilewright {

class SimulatedClient {
 public:
  SimulatedClient(const Surroundings& around, std::string name)
      : around_(around), name_(std::move(name)) {}

  void Submit(const v1::JobSpec& spec, uint32_t weight);
  // Does something, by chance, to one of its jobs.
  void Meddle();
  // From now on it only wants its jobs to end: resumes what is paused, again and again.
  void Settle();
  // All that it submitted are known to have ended.
  bool IsDone() const;

 private:
  struct Watched {
    Submission submission;
    std::string id;     // empty: it is not acknowledged
    uint64_t seen = 0;  // events
    bool ended = false;
    bool watching = false;
  };
  enum class Wish { kPause, kResume, kCancel };

  void Send(size_t job);
  void Watch(size_t job);
  void OnEvents(size_t job, std::optional<absl::StatusOr<std::vector<v1::JobEvent>>> events);
  void Ask(size_t job, Wish wish);

  const Surroundings around_;
  const std::string name_;
  Link link_;
  std::vector<Watched> jobs_;
  bool settles_ = false;
  int requests_ = 0;
};

}  // namespace tilewright
