#include "compiler/schedule/config_space.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/schedule/split_candidates.h"

namespace tilewright {
namespace {

constexpr int kMaxRejections = 10'000;

std::string EntityText(const Entity& entity) { return EntitiesToJson(Config{{{"", entity}}}); }

// A scalar as AutoTVM's Python compares it: true equals 1.
bool SameScalar(const OtherEntity& a, const OtherEntity& b) {
  if (a == b) return true;
  auto number = [](const OtherEntity& e) -> std::optional<int64_t> {
    if (const auto* i = std::get_if<int64_t>(&e)) return *i;
    if (const auto* flag = std::get_if<bool>(&e)) return *flag;
    return std::nullopt;
  };
  return number(a) && number(a) == number(b);
}

// `given` may write the outermost size in full. It comes from outside: no arithmetic on it.
bool SameSplit(const SplitEntity& candidate, const SplitEntity& given, int64_t extent) {
  if (given.sizes.empty()) return false;
  const std::vector<int64_t> full = ResolvedSizes(candidate, extent);
  return (given.sizes[0] == -1 || given.sizes[0] == full[0]) &&
         std::equal(full.begin() + 1, full.end(), given.sizes.begin() + 1, given.sizes.end());
}

bool SameEntity(const Entity& candidate, const Entity& given, int64_t extent) {
  if (candidate.index() != given.index()) return false;
  if (const auto* split = std::get_if<SplitEntity>(&candidate)) {
    return SameSplit(*split, std::get<SplitEntity>(given), extent);
  }
  if (const auto* scalar = std::get_if<OtherEntity>(&candidate)) {
    return SameScalar(*scalar, std::get<OtherEntity>(given));
  }
  return candidate == given;
}

// Of a full split whose product is not the extent; it comes from outside and may be of any size.
std::optional<std::string> WhyNoSplit(int64_t extent, const Entity& entity) {
  const auto* split = std::get_if<SplitEntity>(&entity);
  if (split == nullptr || extent <= 0) return std::nullopt;
  double product = 1;
  for (int64_t size : split->sizes) product *= static_cast<double>(size);
  if (product < 0 && std::fmod(static_cast<double>(extent), -product) == 0) return std::nullopt;
  if (product == static_cast<double>(extent)) return std::nullopt;
  return absl::StrCat(Shown(EntityText(entity)), " multiplies to ", std::abs(product),
                      ", the axis has ", extent);
}

float LogFeature(double value) {
  return static_cast<float>(std::copysign(std::log2(1 + std::abs(value)), value));
}

// Per axis, one value for each annotation that any candidate puts there.
void AppendAnnotations(const std::vector<Entity>& candidates, size_t i, std::vector<float>& row) {
  const auto& mine = std::get<AnnotateEntity>(candidates[i]).annotations;
  for (size_t axis = 0; axis < mine.size(); ++axis) {
    std::vector<std::string> known;
    for (const Entity& other : candidates) {
      known.push_back(std::get<AnnotateEntity>(other).annotations[axis]);
    }
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    for (const std::string& annotation : known) row.push_back(annotation == mine[axis]);
  }
}

bool AllNumbers(const std::vector<Entity>& candidates) {
  return std::none_of(candidates.begin(), candidates.end(), [](const Entity& e) {
    const auto* scalar = std::get_if<OtherEntity>(&e);
    return !scalar || std::holds_alternative<std::string>(*scalar);
  });
}

void AppendCandidate(const std::vector<Entity>& candidates, size_t i, int64_t extent,
                     std::vector<float>& row) {
  const Entity& entity = candidates[i];
  if (const auto* split = std::get_if<SplitEntity>(&entity)) {
    for (int64_t size : ResolvedSizes(*split, extent)) row.push_back(LogFeature(size));
    return;
  }
  if (std::holds_alternative<AnnotateEntity>(entity)) return AppendAnnotations(candidates, i, row);
  if (AllNumbers(candidates)) {
    const auto& scalar = std::get<OtherEntity>(entity);
    const auto* flag = std::get_if<bool>(&scalar);
    return row.push_back(LogFeature(flag ? *flag : std::get<int64_t>(scalar)));
  }
  for (size_t k = 0; k < candidates.size(); ++k) row.push_back(k == i);
}

}  // namespace

void ConfigSpace::DefineCandidates(std::string name, std::vector<Entity> candidates,
                                   int64_t extent) {
  TW_CHECK(!candidates.empty()) << "knob " << name << " has no candidates";
  Knob knob{.name = std::move(name), .candidates = std::move(candidates), .extent = extent};
  knob.stride = size();
  TW_CHECK(knob.stride <= std::numeric_limits<uint64_t>::max() / knob.candidates.size())
      << "the space exceeds 2^64 points at knob " << knob.name;
  for (size_t i = 0; i < knob.candidates.size(); ++i) {
    AppendCandidate(knob.candidates, i, extent, knob.features);
  }
  knob.feature_width = knob.features.size() / knob.candidates.size();
  knobs_.push_back(std::move(knob));
}

void ConfigSpace::DefineSplit(std::string name, int64_t extent, const SplitOptions& options) {
  DefineCandidates(std::move(name), SplitCandidates(extent, options), extent);
}

void ConfigSpace::DefineKnob(std::string name, std::vector<OtherEntity> candidates) {
  DefineCandidates(std::move(name), {candidates.begin(), candidates.end()}, 0);
}

void ConfigSpace::DefineLaterKnob(std::string name, std::vector<OtherEntity> candidates) {
  DefineKnob(std::move(name), std::move(candidates));
  knobs_.back().later = true;
}

void ConfigSpace::DefineReorder(std::string name, std::vector<std::vector<int64_t>> permutations) {
  std::vector<Entity> candidates;
  for (auto& order : permutations) candidates.push_back(ReorderEntity{std::move(order)});
  DefineCandidates(std::move(name), std::move(candidates), 0);
}

void ConfigSpace::DefineAnnotate(std::string name,
                                 std::vector<std::vector<std::string>> candidates) {
  std::vector<Entity> entities;
  for (auto& list : candidates) entities.push_back(AnnotateEntity{std::move(list)});
  DefineCandidates(std::move(name), std::move(entities), 0);
}

void ConfigSpace::AddConstraint(std::string rule, std::function<bool(const Config&)> ok) {
  constraints_.push_back({std::move(rule), std::move(ok)});
}

uint64_t ConfigSpace::size() const {
  return knobs_.empty() ? 1 : knobs_.back().stride * knobs_.back().candidates.size();
}

uint64_t ConfigSpace::DigitOf(uint64_t index, size_t knob) const {
  return index / knobs_[knob].stride % knobs_[knob].candidates.size();
}

uint64_t ConfigSpace::WithDigit(uint64_t index, size_t knob, uint64_t digit) const {
  return index + (digit - DigitOf(index, knob)) * knobs_[knob].stride;  // modulo 2^64
}

std::vector<uint64_t> ConfigSpace::DigitsOf(uint64_t index) const {
  std::vector<uint64_t> digits(knobs_.size());
  for (size_t k = 0; k < knobs_.size(); ++k) digits[k] = DigitOf(index, k);
  return digits;
}

uint64_t ConfigSpace::IndexOfDigits(std::span<const uint64_t> digits) const {
  TW_CHECK(digits.size() == knobs_.size()) << digits.size() << " digits";
  uint64_t index = 0;
  for (size_t k = 0; k < knobs_.size(); ++k) index += digits[k] * knobs_[k].stride;
  return index;
}

Config ConfigSpace::At(uint64_t index) const {
  TW_CHECK(index < size()) << "index " << index << " in a space of " << size();
  Config config;
  config.entities.reserve(knobs_.size());
  for (size_t k = 0; k < knobs_.size(); ++k) {
    config.entities.emplace_back(knobs_[k].name, knobs_[k].candidates[DigitOf(index, k)]);
  }
  return config;
}

std::optional<std::string> ConfigSpace::WhyInvalid(const Config& config) const {
  for (const Constraint& constraint : constraints_) {
    if (!constraint.ok(config)) return constraint.rule;
  }
  return std::nullopt;
}

absl::StatusOr<uint64_t> ConfigSpace::DigitFor(const Knob& knob, const Entity& entity) const {
  for (size_t i = 0; i < knob.candidates.size(); ++i) {
    if (SameEntity(knob.candidates[i], entity, knob.extent)) return i;
  }
  if (const std::optional<std::string> why = WhyNoSplit(knob.extent, entity)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a split that does not fit its axis: knob ", knob.name, ": ", *why));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a value that the knob does not have: knob ", knob.name, ": ",
                   Shown(EntityText(entity)), " is none of its ", knob.candidates.size(),
                   " candidates, such as ", EntityText(knob.candidates.front())));
}

absl::StatusOr<uint64_t> ConfigSpace::IndexOf(const Config& config) const {
  uint64_t index = 0;
  std::vector<bool> seen(knobs_.size());
  for (const auto& [name, entity] : config.entities) {
    const auto knob =
        std::find_if(knobs_.begin(), knobs_.end(), [&](const Knob& k) { return k.name == name; });
    if (knob == knobs_.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "unknown knob: ", Shown(name), "; the space has ",
          absl::StrJoin(knobs_, ", ", [](std::string* out, const Knob& k) { *out += k.name; })));
    }
    if (seen[knob - knobs_.begin()]) {
      return absl::InvalidArgumentError(absl::StrCat("knob given twice: ", name));
    }
    seen[knob - knobs_.begin()] = true;
    TW_ASSIGN_OR_RETURN(const uint64_t digit, DigitFor(*knob, entity));
    index += digit * knob->stride;
  }
  for (size_t k = 0; k < knobs_.size(); ++k) {
    if (!seen[k] && !knobs_[k].later) {
      return absl::InvalidArgumentError(absl::StrCat("missing knob: ", knobs_[k].name));
    }
  }
  return index;
}

absl::StatusOr<Config> ConfigSpace::Canonical(const Config& config) const {
  TW_ASSIGN_OR_RETURN(const uint64_t index, IndexOf(config));
  Config canonical = At(index);
  if (const std::optional<std::string> rule = WhyInvalid(canonical)) {
    return absl::InvalidArgumentError(
        absl::StrCat("config ", EntitiesToJson(canonical), " breaks the rule: ", *rule));
  }
  return canonical;
}

std::optional<uint64_t> ConfigSpace::Sample(Rng& rng) const {
  for (int i = 0; i < kMaxRejections; ++i) {
    const uint64_t index = rng.Below(size());
    if (IsValid(index)) return index;
  }
  return std::nullopt;
}

std::vector<uint64_t> ConfigSpace::Neighbors(uint64_t index) const {
  std::vector<uint64_t> neighbors;
  Config config = At(index);
  for (size_t k = 0; k < knobs_.size(); ++k) {
    const uint64_t own = DigitOf(index, k);
    for (uint64_t digit = 0; digit < knobs_[k].candidates.size(); ++digit) {
      if (digit == own) continue;
      config.entities[k].second = knobs_[k].candidates[digit];
      if (!WhyInvalid(config)) neighbors.push_back(WithDigit(index, k, digit));
    }
    config.entities[k].second = knobs_[k].candidates[own];
  }
  return neighbors;
}

absl::StatusOr<std::vector<uint64_t>> ConfigSpace::EnumerateValid(uint64_t limit) const {
  if (size() > limit) {
    return absl::FailedPreconditionError(
        absl::StrCat("the space has ", size(), " points; at most ", limit, " are enumerated"));
  }
  std::vector<uint64_t> valid;
  Config config = At(0);
  for (uint64_t index = 0; index < size(); ++index) {
    if (!WhyInvalid(config)) valid.push_back(index);
    if (index + 1 == size()) break;
    // Counting up changes the lowest digits: a knob changes when all before it wrapped to 0.
    for (size_t k = 0; k < knobs_.size(); ++k) {
      const uint64_t digit = DigitOf(index + 1, k);
      config.entities[k].second = knobs_[k].candidates[digit];
      if (digit != 0) break;
    }
  }
  return valid;
}

size_t ConfigSpace::feature_count() const {
  size_t count = 0;
  for (const Knob& knob : knobs_) count += knob.feature_width;
  return count;
}

void ConfigSpace::AppendFeatures(uint64_t index, std::vector<float>& row) const {
  for (size_t k = 0; k < knobs_.size(); ++k) {
    const Knob& knob = knobs_[k];
    const auto begin = knob.features.begin() + DigitOf(index, k) * knob.feature_width;
    row.insert(row.end(), begin, begin + knob.feature_width);
  }
}

std::vector<float> ConfigSpace::Features(const Config& config) const {
  const absl::StatusOr<uint64_t> index = IndexOf(config);
  TW_CHECK(index.ok()) << index.status().ToString();
  std::vector<float> row;
  AppendFeatures(*index, row);
  return row;
}

}  // namespace tilewright
