// Numbers that describe a config of any workload of one template: the workload's dimensions and
// attributes, the target, and the knobs by name, so that configs of different spaces can be
// compared. A value.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/core/config.h"
#include "compiler/core/task.h"

namespace tilewright {

// By name: "data.1" (log2 of 1 + the dimension), "strides.0", "tile_oc.1", "layout=NHWC" (1).
using NamedFeatures = std::map<std::string, float>;

// Of the workload and what it is compiled for.
NamedFeatures FeaturesOf(const Task& task);
// Split sizes and numbers as log2 of 1 + the value; the rest of a split (-1) is left out.
NamedFeatures FeaturesOf(const Config& config);

// The columns that rows are made of.
class FeatureColumns {
 public:
  FeatureColumns() = default;
  explicit FeatureColumns(std::vector<std::string> names);

  // The column of that name, made when there is none yet.
  void Add(const NamedFeatures& features);
  // Appends one row: kMissing where the features have no such name; names unknown here are left
  // out.
  void AppendRow(const NamedFeatures& task, const NamedFeatures& config,
                 std::vector<float>& row) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, size_t, std::less<>> column_;
};

}  // namespace tilewright
