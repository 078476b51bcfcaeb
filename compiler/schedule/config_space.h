// Ordered knobs and named constraints: the search space of a task. Immutable once built; const
// calls are thread-safe. Index order is AutoTVM's: mixed radix, the first-defined knob is the
// lowest digit (apache/tvm v0.18 autotvm/task/space.py), so that logs are index-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/rng.h"
#include "compiler/core/config.h"

namespace tilewright {

// Which factors a split may take (AutoTVM's policies).
enum class SplitPolicy {
  kFactors,  // divisors of the extent; the product divides the extent
  kPower2,   // powers of two up to the extent; tails allowed
  kVerbose,  // both sets; tails allowed
};

struct SplitOptions {
  int outputs = 2;
  SplitPolicy policy = SplitPolicy::kFactors;
  int64_t max_inner = 0;            // of every size but the outermost; 0 = unbounded
  std::vector<int64_t> candidates;  // when set: exactly these inner sizes (outputs == 2)
};

class ConfigSpace {
 public:
  // Entities of a factors split are [-1, f1, .., fk], enumerated depth first over ascending
  // divisors, reversed, as AutoTVM does. REQUIRES: extent > 0, outputs >= 2.
  void DefineSplit(std::string name, int64_t extent, const SplitOptions& options);
  void DefineKnob(std::string name, std::vector<OtherEntity> candidates);
  // A knob that older records lack: a config without it means its first candidate, and has the
  // index that it had. REQUIRES: all knobs defined after it are such, too.
  void DefineLaterKnob(std::string name, std::vector<OtherEntity> candidates);
  void DefineReorder(std::string name, std::vector<std::vector<int64_t>> permutations);
  void DefineAnnotate(std::string name, std::vector<std::vector<std::string>> candidates);
  // Exactly these, as read from a recorded space; `extent` of a split, else 0. REQUIRES: at least
  // one, all of one kind and length.
  void DefineCandidates(std::string name, std::vector<Entity> candidates, int64_t extent);
  // `rule` is a sentence for the user ("at most 30 accumulators"); ok() decides.
  void AddConstraint(std::string rule, std::function<bool(const Config&)> ok);

  // Points before constraints.
  uint64_t size() const;
  size_t knob_count() const { return knobs_.size(); }
  const std::string& knob_name(size_t knob) const { return knobs_[knob].name; }
  // Candidates of one knob.
  uint64_t CandidatesOf(size_t knob) const { return knobs_[knob].candidates.size(); }
  int64_t ExtentOf(size_t knob) const { return knobs_[knob].extent; }  // of a split; else 0
  const Entity& Candidate(size_t knob, uint64_t i) const { return knobs_[knob].candidates[i]; }

  // Mixed-radix digits of an index and back. REQUIRES: in range.
  std::vector<uint64_t> DigitsOf(uint64_t index) const;
  uint64_t IndexOfDigits(std::span<const uint64_t> digits) const;
  // One digit of an index, and the index with that digit replaced. REQUIRES: in range.
  uint64_t DigitOf(uint64_t index, size_t knob) const;
  uint64_t WithDigit(uint64_t index, size_t knob, uint64_t digit) const;

  // The config at an index, constraints not checked. REQUIRES: index < size().
  Config At(uint64_t index) const;
  // The broken rule; nullopt when the config satisfies all.
  std::optional<std::string> WhyInvalid(const Config& config) const;
  bool IsValid(uint64_t index) const { return !WhyInvalid(At(index)); }

  // Index of a config from outside, knob order free, a leading split size given in full or as -1.
  // InvalidArgument names the unknown, missing or impossible knob.
  absl::StatusOr<uint64_t> IndexOf(const Config& config) const;

  // The space's own spelling of a config from outside: every knob with a candidate of its kind, in
  // definition order. What reads knobs by kind (templates, constraints) may be given only such a
  // config. InvalidArgument as IndexOf, and for one that breaks a rule.
  absl::StatusOr<Config> Canonical(const Config& config) const;

  // A valid index, uniform by rejection; nullopt after 10,000 rejections.
  std::optional<uint64_t> Sample(Rng& rng) const;
  // Valid indices that differ in exactly one knob, in knob order.
  std::vector<uint64_t> Neighbors(uint64_t index) const;
  // All valid indices in order; FailedPrecondition above `limit` points before constraints.
  absl::StatusOr<std::vector<uint64_t>> EnumerateValid(uint64_t limit = 1'000'000) const;

  // Numeric features for a cost model: split sizes (the outermost resolved) and scalars as
  // log2(1+x), annotations, permutations and strings one-hot. Every row of the space has
  // feature_count() values. REQUIRES: index < size(); a config of this space.
  size_t feature_count() const;
  void AppendFeatures(uint64_t index, std::vector<float>& row) const;
  std::vector<float> Features(const Config& config) const;

 private:
  struct Knob {
    std::string name;
    std::vector<Entity> candidates;
    int64_t extent = 0;   // of a split; 0 otherwise
    bool later = false;   // may be absent
    uint64_t stride = 1;  // product of the radices of the knobs before it
    size_t feature_width = 0;
    std::vector<float> features;  // one row of feature_width values a candidate
  };
  struct Constraint {
    std::string rule;
    std::function<bool(const Config&)> ok;
  };
  absl::StatusOr<uint64_t> DigitFor(const Knob& knob, const Entity& entity) const;

  std::vector<Knob> knobs_;
  std::vector<Constraint> constraints_;
};

}  // namespace tilewright
