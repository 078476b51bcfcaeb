#include "tuner/replay/simulated_device.h"

#include <cmath>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {
namespace {

constexpr char kSynthetic[] = "synthetic:";
// A core's: the best of each task is between these.
constexpr double kSlowestFlops = 1e10, kFastestFlops = 8e10;
constexpr double kCallSeconds = 2e-6;  // of a kernel that does nothing
constexpr double kKnobFactor = 2.2;    // at most, of one knob's value
constexpr double kNoise = 0.02;        // between samples
constexpr int kSamples = 5;
constexpr double kFailing = 1.0 / 30;

// FNV-1a, 64 bits (Fowler, Noll, Vo), of the seed's and the texts' bytes.
Rng RngOf(uint64_t seed, const std::vector<std::string>& texts) {
  uint64_t hash = 0xcbf29ce484222325u ^ seed;
  for (const std::string& text : texts) {
    for (const unsigned char c : text + "|") hash = (hash ^ c) * 0x100000001b3u;
  }
  return Rng(hash);
}

// KeyOf's second part; nullopt: the space is not one of ours.
std::optional<Target> TargetOfName(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, absl::MaxSplits('|', 2));
  if (parts.size() != 3) return std::nullopt;
  const absl::StatusOr<Target> target = ParseTarget(parts[1]);
  return target.ok() ? std::optional(*target) : std::nullopt;
}

}  // namespace

absl::StatusOr<SimulatedDevice> SimulatedDevice::Open(const std::string& space) {
  SimulatedDevice device;
  absl::string_view seed = space;
  if (absl::ConsumePrefix(&seed, kSynthetic)) {
    if (absl::SimpleAtoi(seed, &device.seed_)) return device;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", Shown(space), "\" has no seed; write ", kSynthetic, "7"));
  }
  TW_ASSIGN_OR_RETURN(device.recorded_, LoadRecordedSpace(space));
  device.target_ = TargetOfName(device.recorded_->name);
  if (device.target_) device.task_key_ = device.recorded_->name;
  return device;
}

Outcome SimulatedDevice::Measure(const Task& task, double flops, const Config& config) const {
  return recorded_ ? Recorded(task, config) : Synthetic(task, flops, config);
}

Outcome SimulatedDevice::Recorded(const Task& task, const Config& config) const {
  if (!task_key_.empty() && KeyOf(task) != task_key_) {
    return Failure{FailureKind::kInstantiation,
                   absl::StrCat("another task was recorded: ", task_key_)};
  }
  const absl::StatusOr<uint64_t> index = recorded_->space.IndexOf(config);
  const auto found = index.ok() ? recorded_->outcomes->find(*index) : recorded_->outcomes->end();
  if (found != recorded_->outcomes->end()) return found->second;
  return Failure{FailureKind::kInstantiation, "the config was never recorded"};
}

Outcome SimulatedDevice::Synthetic(const Task& task, double flops, const Config& config) const {
  const std::string key = KeyOf(task);
  const std::string text = EntitiesToJson(config);
  Rng own = RngOf(seed_, {key, text});
  if (own.Unit() < kFailing) return Failure{FailureKind::kCrash, "simulated"};
  const double speed =
      kSlowestFlops * std::pow(kFastestFlops / kSlowestFlops, RngOf(seed_, {key}).Unit());
  double seconds = kCallSeconds + flops / speed;
  for (const auto& entity : config.entities) {
    const std::string value = EntitiesToJson({{entity}});
    seconds *= std::pow(kKnobFactor, RngOf(seed_, {key, value}).Unit());
  }
  Timing timing;
  for (int i = 0; i < kSamples; ++i) timing.seconds.push_back(seconds * (1 + kNoise * own.Unit()));
  return timing;
}

}  // namespace tilewright
