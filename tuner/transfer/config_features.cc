#include "tuner/transfer/config_features.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "tuner/model/cost_model.h"

namespace tilewright {
namespace {

float Log(int64_t value) {
  const double magnitude = std::log2(1 + std::abs(static_cast<double>(value)));
  return static_cast<float>(value < 0 ? -magnitude : magnitude);
}

void AddList(std::string_view name, const std::vector<int64_t>& values, NamedFeatures* features) {
  for (size_t i = 0; i < values.size(); ++i) {
    (*features)[absl::StrCat(std::string(name), ".", i)] = Log(values[i]);
  }
}

struct AddEntity {
  const std::string& name;
  NamedFeatures* features;

  void operator()(const SplitEntity& split) const {
    for (size_t i = 0; i < split.sizes.size(); ++i) {
      if (split.sizes[i] >= 0) (*features)[absl::StrCat(name, ".", i)] = Log(split.sizes[i]);
    }
  }
  void operator()(const ReorderEntity& reorder) const { AddList(name, reorder.order, features); }
  void operator()(const AnnotateEntity& annotate) const {
    for (size_t i = 0; i < annotate.annotations.size(); ++i) {
      (*features)[absl::StrCat(name, ".", i, "=", annotate.annotations[i])] = 1;
    }
  }
  void operator()(const OtherEntity& other) const {
    if (const auto* number = std::get_if<int64_t>(&other)) {
      (*features)[name] = Log(*number);
    } else if (const auto* flag = std::get_if<bool>(&other)) {
      (*features)[name] = *flag ? 1.0f : 0.0f;
    } else {
      (*features)[absl::StrCat(name, "=", std::get<std::string>(other))] = 1;
    }
  }
};

}  // namespace

NamedFeatures FeaturesOf(const Task& task) {
  const Workload& workload = task.workload;
  NamedFeatures features;
  for (size_t i = 0; i < workload.inputs.size(); ++i) {
    const std::string name = i == 0 ? "data" : i == 1 ? "weight" : absl::StrCat("input", i);
    AddList(name, workload.inputs[i].shape, &features);
  }
  for (const auto& [name, values] : workload.attrs) AddList(name, values, &features);
  features["epilogue"] = static_cast<float>(workload.epilogue.size());
  features[absl::StrCat("target=", ToString(task.target))] = 1;
  return features;
}

NamedFeatures FeaturesOf(const Config& config) {
  NamedFeatures features;
  for (const auto& [name, entity] : config.entities) std::visit(AddEntity{name, &features}, entity);
  return features;
}

FeatureColumns::FeatureColumns(std::vector<std::string> names) : names_(std::move(names)) {
  for (size_t i = 0; i < names_.size(); ++i) column_[names_[i]] = i;
}

void FeatureColumns::Add(const NamedFeatures& features) {
  for (const auto& [name, value] : features) {
    if (column_.emplace(name, names_.size()).second) names_.push_back(name);
  }
}

void FeatureColumns::AppendRow(const NamedFeatures& task, const NamedFeatures& config,
                               std::vector<float>& row) const {
  const size_t start = row.size();
  row.resize(start + names_.size(), kMissing);
  for (const NamedFeatures* features : {&task, &config}) {
    for (const auto& [name, value] : *features) {
      const auto at = column_.find(name);
      if (at != column_.end()) row[start + at->second] = value;
    }
  }
}

}  // namespace tilewright
