#include "tuner/replay/recorded_space.h"

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/json_depth.h"
#include "base/json_integer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "tuner/replay/kernel_tuner_t4.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;
using Outcomes = std::unordered_map<uint64_t, Outcome>;

constexpr char kFormat[] = "tilewright-space 1";
constexpr size_t kMaxBytes = size_t{256} << 20;
constexpr size_t kMaxPoints = 4'000'000;
constexpr size_t kMaxKnobs = 64;
constexpr int kMaxDepth = 16;
constexpr uint64_t kMaxSpace = uint64_t{1} << 53;  // Kernel Tuner's spaces reach 2^35
constexpr int64_t kMaxExtent = int64_t{1} << 40;

absl::Status Bad(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("recorded space: ", what));
}

std::string Text(const Json& value) {
  return Shown(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

absl::StatusOr<Entity> ParseCandidate(const std::string& knob, const Json& candidate) {
  if (!candidate.is_array() || candidate.size() != 2) {
    return Bad(absl::StrCat("a candidate of ", Shown(knob), " is ", Text(candidate)));
  }
  const Json entity = Json::array({Json::array({knob, candidate[0], candidate[1]})});
  TW_ASSIGN_OR_RETURN(Config config, ParseEntitiesJson(entity.dump()));
  return std::move(config.entities[0].second);
}

// Number of values of an entity; all candidates of a knob have the same.
size_t LengthOf(const Entity& entity) {
  if (const auto* split = std::get_if<SplitEntity>(&entity)) return split->sizes.size();
  if (const auto* order = std::get_if<ReorderEntity>(&entity)) return order->order.size();
  if (const auto* ann = std::get_if<AnnotateEntity>(&entity)) return ann->annotations.size();
  return 1;
}

// A split's sizes are multiplied and divided by.
absl::Status CheckSplit(const std::string& knob, const Entity& entity, int64_t extent) {
  const auto* split = std::get_if<SplitEntity>(&entity);
  if (split == nullptr) return absl::OkStatus();
  if (extent < 1 || extent > kMaxExtent || split->sizes.empty()) {
    return Bad(absl::StrCat("knob ", Shown(knob), " splits an extent of ", extent, " into ",
                            split->sizes.size(), " sizes"));
  }
  int64_t product = 1;
  for (size_t i = 0; i < split->sizes.size(); ++i) {
    const int64_t size = split->sizes[i];
    if (i == 0 && size == -1) continue;
    if (size < 1 || __builtin_mul_overflow(product, size, &product) || product > kMaxExtent) {
      return Bad(absl::StrCat("knob ", Shown(knob), " has a split size of ", size));
    }
  }
  return absl::OkStatus();
}

// ConfigSpace takes spaces whose points it can count.
absl::Status CheckRoom(const ConfigSpace& space, const std::string& knob, size_t candidates) {
  if (candidates == 0) return Bad(absl::StrCat("knob ", Shown(knob), " has no candidates"));
  if (space.size() > kMaxSpace / candidates) return Bad("more than 2^53 points");
  for (size_t k = 0; k < space.knob_count(); ++k) {
    if (space.knob_name(k) == knob) return Bad(absl::StrCat("two knobs named ", Shown(knob)));
  }
  return absl::OkStatus();
}

absl::Status DefineKnob(const Json& knob, ConfigSpace& space) {
  const std::string name = knob.at("name");
  const int64_t extent = knob.contains("extent") ? JsonInteger<int64_t>(knob["extent"]) : 0;
  std::vector<Entity> candidates;
  for (const Json& item : knob.at("candidates")) {
    TW_ASSIGN_OR_RETURN(Entity entity, ParseCandidate(name, item));
    TW_RETURN_IF_ERROR(CheckSplit(name, entity, extent));
    candidates.push_back(std::move(entity));
    if (candidates.back().index() != candidates.front().index() ||
        LengthOf(candidates.back()) != LengthOf(candidates.front())) {
      return Bad(absl::StrCat("knob ", name, " mixes candidates of different kinds"));
    }
  }
  TW_RETURN_IF_ERROR(CheckRoom(space, name, candidates.size()));
  space.DefineCandidates(name, std::move(candidates), extent);
  return absl::OkStatus();
}

absl::StatusOr<Outcome> ParseOutcome(const Json& value) {
  if (value.is_number() && value.get<double>() > 0) return Timing{{value.get<double>()}};
  if (value.is_string()) {
    const auto kind = ParseFailureKind(value.get<std::string>());
    if (kind) return Failure{*kind, "recorded"};
  }
  return Bad(
      absl::StrCat("a point's outcome is ", Text(value), "; it is seconds or a failure's name"));
}

absl::StatusOr<Outcomes> ParsePoints(const Json& points, uint64_t size) {
  if (points.size() > kMaxPoints) return Bad(absl::StrCat(points.size(), " points"));
  Outcomes outcomes;
  for (const Json& point : points) {
    if (!point.is_array() || point.size() != 2 || !point[0].is_number_unsigned() ||
        point[0].get<uint64_t>() >= size) {
      return Bad(absl::StrCat("point ", Text(point), " in a space of ", size));
    }
    TW_ASSIGN_OR_RETURN(Outcome outcome, ParseOutcome(point[1]));
    outcomes.emplace(point[0].get<uint64_t>(), std::move(outcome));
  }
  return outcomes;
}

// Only what was measured is valid: a replay can answer nothing else.
void AdmitRecordedPoints(RecordedSpace& recorded) {
  auto bare = std::make_shared<const ConfigSpace>(recorded.space);
  auto outcomes = recorded.outcomes;
  recorded.space.AddConstraint("a recorded point", [bare, outcomes](const Config& config) {
    const absl::StatusOr<uint64_t> index = bare->IndexOf(config);
    return index.ok() && outcomes->contains(*index);
  });
}

absl::StatusOr<RecordedSpace> FromOwnFormat(const Json& root) {
  RecordedSpace recorded;
  recorded.name = root.at("name");
  recorded.flops = root.at("flops");
  if (root.at("knobs").size() > kMaxKnobs) return Bad("more than 64 knobs");
  for (const Json& knob : root.at("knobs")) {
    TW_RETURN_IF_ERROR(DefineKnob(knob, recorded.space));
  }
  TW_ASSIGN_OR_RETURN(Outcomes outcomes, ParsePoints(root.at("points"), recorded.space.size()));
  recorded.outcomes = std::make_shared<const Outcomes>(std::move(outcomes));
  AdmitRecordedPoints(recorded);
  return recorded;
}

OtherEntity ScalarOf(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return JsonInteger<int64_t>(value);
  return value.is_string() ? value.get<std::string>() : Text(value);
}

absl::Status DefineParams(const Json& params, ConfigSpace& space) {
  if (params.size() > kMaxKnobs) return Bad("more than 64 parameters");
  for (const auto& [name, values] : params.items()) {
    std::vector<OtherEntity> candidates;
    for (const Json& value : values) candidates.push_back(ScalarOf(value));
    TW_RETURN_IF_ERROR(CheckRoom(space, name, candidates.size()));
    space.DefineKnob(name, std::move(candidates));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> IndexOfRow(const ConfigSpace& space, const Json& row) {
  const auto digits = row.get<std::vector<uint64_t>>();
  bool inside = digits.size() == space.knob_count();
  for (size_t k = 0; inside && k < digits.size(); ++k) inside = digits[k] < space.CandidatesOf(k);
  if (!inside) return Bad(absl::StrCat("cfg row ", Text(row), " is outside the parameters"));
  return space.IndexOfDigits(digits);
}

absl::StatusOr<RecordedSpace> FromKernelTuner(const Json& root) {
  RecordedSpace recorded;
  recorded.name = root.value("name", "unnamed");
  TW_RETURN_IF_ERROR(DefineParams(root.at("params"), recorded.space));
  const Json& rows = root.at("cfg");
  const Json& times = root.at("time");
  if (rows.size() != times.size() || rows.size() > kMaxPoints) {
    return Bad(absl::StrCat(rows.size(), " cfg rows and ", times.size(), " times"));
  }
  Outcomes outcomes;
  for (size_t i = 0; i < rows.size(); ++i) {
    TW_ASSIGN_OR_RETURN(const uint64_t index, IndexOfRow(recorded.space, rows[i]));
    const bool ok = times[i].is_number();
    outcomes[index] = ok ? Outcome(Timing{{times[i].get<double>() * 1e-3}})
                         : Outcome(Failure{FailureKind::kUnknown, "recorded"});
  }
  recorded.outcomes = std::make_shared<const Outcomes>(std::move(outcomes));
  AdmitRecordedPoints(recorded);
  return recorded;
}

// A device gives bytes without end.
absl::Status CheckKind(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status there = std::filesystem::status(path, error);
  if (!std::filesystem::exists(there)) return absl::NotFoundError(absl::StrCat("no file ", path));
  if (is_regular_file(there) || is_fifo(there)) return absl::OkStatus();
  return Bad(
      absl::StrCat(path, is_directory(there) ? " is a folder" : " is a device", "; name a file"));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  TW_RETURN_IF_ERROR(CheckKind(path));
  gzFile file = gzopen(path.c_str(), "rb");  // reads plain files too
  if (!file) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  std::string text;
  char buffer[1 << 16];
  int count = 0;
  while ((count = gzread(file, buffer, sizeof buffer)) > 0 && text.size() <= kMaxBytes) {
    text.append(buffer, count);
  }
  gzclose(file);
  if (count < 0) return absl::DataLossError(absl::StrCat(path, " is damaged"));
  if (text.size() > kMaxBytes) return Bad(absl::StrCat(path, " exceeds 256 MiB"));
  return text;
}

Json CandidateJson(const Entity& entity) {
  const Json item = Json::parse(EntitiesToJson(Config{{{"", entity}}}))[0];
  return Json::array({item[1], item[2]});
}

}  // namespace

std::optional<double> RecordedSpace::BestSeconds() const {
  std::optional<double> best;
  for (const auto& [index, outcome] : *outcomes) {
    const std::optional<double> seconds = MedianSeconds(outcome);
    if (seconds && (!best || *seconds < *best)) best = seconds;
  }
  return best;
}

absl::StatusOr<RecordedSpace> ParseRecordedSpace(std::string_view json) {
  if (NestsDeeperThan(json, kMaxDepth)) return Bad("nested deeper than 16 levels");
  try {
    const Json root = Json::parse(json);
    if (!root.is_object()) return Bad("not a JSON object");
    if (root.value("format", "") == kFormat) return FromOwnFormat(root);
    if (root.contains("params") && root.contains("cfg")) return FromKernelTuner(root);
    if (root.contains("results")) {
      TW_ASSIGN_OR_RETURN(const Json table, TableOfT4(root));
      return FromKernelTuner(table);
    }
    return Bad(absl::StrCat("format is not \"", kFormat, "\", params and cfg, or T4's results"));
  } catch (const Json::exception& e) {
    return Bad(Shown(e.what()));
  }
}

absl::StatusOr<RecordedSpace> LoadRecordedSpace(const std::string& path) {
  TW_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  absl::StatusOr<RecordedSpace> recorded = ParseRecordedSpace(text);
  if (!recorded.ok()) {
    return absl::Status(recorded.status().code(),
                        absl::StrCat(path, ": ", recorded.status().message()));
  }
  return recorded;
}

std::string RecordedSpaceJson(const std::string& name, double flops, const ConfigSpace& space,
                              const Outcomes& outcomes) {
  Json knobs = Json::array();
  for (size_t k = 0; k < space.knob_count(); ++k) {
    Json candidates = Json::array();
    for (uint64_t i = 0; i < space.CandidatesOf(k); ++i) {
      candidates.push_back(CandidateJson(space.Candidate(k, i)));
    }
    knobs.push_back({{"name", space.knob_name(k)},
                     {"extent", space.ExtentOf(k)},
                     {"candidates", std::move(candidates)}});
  }
  std::vector<uint64_t> order;
  for (const auto& [index, outcome] : outcomes) order.push_back(index);
  std::sort(order.begin(), order.end());
  Json points = Json::array();
  for (uint64_t index : order) {
    const Outcome& outcome = outcomes.at(index);
    const std::optional<double> seconds = MedianSeconds(outcome);
    const auto* failure = std::get_if<Failure>(&outcome);
    const FailureKind kind = failure ? failure->kind : FailureKind::kUnknown;
    points.push_back(seconds ? Json::array({index, *seconds})
                             : Json::array({index, std::string(NameOf(kind))}));
  }
  return Json{
      {"format", kFormat}, {"name", name}, {"flops", flops}, {"knobs", knobs}, {"points", points}}
      .dump();
}

}  // namespace tilewright
