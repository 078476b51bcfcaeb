#include "cli/model/model_bindings.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"

namespace tilewright {
namespace {

constexpr size_t kMaxBindings = 64;

// The values of one --dim, each as a text that ParseDims takes: "batch=1", "batch=4".
std::vector<std::string> Values(const std::string& dim) {
  const size_t equals = dim.rfind('=');
  if (equals == std::string::npos) return {dim};
  std::vector<std::string> values;
  for (const auto value : absl::StrSplit(dim.substr(equals + 1), ',')) {
    values.push_back(absl::StrCat(dim.substr(0, equals + 1), value));
  }
  return values;
}

absl::Status TooMany(size_t count) {
  if (count <= kMaxBindings) return absl::OkStatus();
  return UsageError(absl::StrCat("--dim and --input-shape ask for ", count,
                                 " bindings; a package has at most ", kMaxBindings));
}

// Every combination of the values, the last dimension's changing fastest.
absl::StatusOr<std::vector<std::map<std::string, int64_t>>> DimsOf(
    const std::vector<std::string>& options) {
  std::vector<std::string> texts = {""};
  for (const std::string& option : options) {
    for (const auto part : absl::StrSplit(option, absl::ByAnyChar(" ;"), absl::SkipEmpty())) {
      std::vector<std::string> longer;
      for (const std::string& text : texts) {
        for (const std::string& value : Values(std::string(part))) {
          longer.push_back(absl::StrCat(text, " ", value));
        }
        TW_RETURN_IF_ERROR(TooMany(longer.size()));
      }
      texts = std::move(longer);
    }
  }
  std::vector<std::map<std::string, int64_t>> all;
  for (const std::string& text : texts) {
    absl::StatusOr<std::map<std::string, int64_t>> dims = ParseDims(text);
    if (!dims.ok()) return UsageError(std::string(dims.status().message()));
    all.push_back(*std::move(dims));
  }
  return all;
}

absl::StatusOr<std::vector<std::map<std::string, Shape>>> ShapesOf(
    const std::vector<std::string>& options) {
  std::map<std::string, std::vector<Shape>> of_input;
  for (const std::string& option : options) {
    absl::StatusOr<std::map<std::string, Shape>> shapes = ParseInputShapes(option);
    if (!shapes.ok()) return UsageError(std::string(shapes.status().message()));
    for (const auto& [input, shape] : *shapes) of_input[input].push_back(shape);
  }
  size_t count = 1;
  for (const auto& [input, shapes] : of_input) count = std::max(count, shapes.size());
  TW_RETURN_IF_ERROR(TooMany(count));
  std::vector<std::map<std::string, Shape>> all(count);
  for (const auto& [input, shapes] : of_input) {
    if (shapes.size() != 1 && shapes.size() != count) {
      return UsageError(absl::StrCat("--input-shape gives input ", input, " ", shapes.size(),
                                     " shapes and another input ", count));
    }
    for (size_t i = 0; i < count; ++i) all[i][input] = shapes[shapes.size() == 1 ? 0 : i];
  }
  return all;
}

absl::StatusOr<std::map<std::string, std::vector<std::string>>> ValuesOf(
    const std::vector<std::string>& options) {
  absl::StatusOr<std::map<std::string, std::vector<std::string>>> values =
      ParseInputValues(absl::StrJoin(options, " "));
  if (values.ok()) return values;
  return UsageError(std::string(values.status().message()));
}

}  // namespace

absl::StatusOr<std::vector<ImportOptions>> BindingsOf(const ModelOptions& options) {
  TW_ASSIGN_OR_RETURN(const auto all_shapes, ShapesOf(options.input_shapes));
  TW_ASSIGN_OR_RETURN(const auto all_dims, DimsOf(options.dims));
  TW_RETURN_IF_ERROR(TooMany(all_shapes.size() * all_dims.size()));
  TW_ASSIGN_OR_RETURN(const auto values, ValuesOf(options.input_values));
  TW_ASSIGN_OR_RETURN(const std::vector<PluginOperator> operators, OperatorsOf(options));
  std::vector<ImportOptions> bindings;
  for (const auto& shapes : all_shapes) {
    for (const auto& dims : all_dims) {
      bindings.push_back(
          {.input_shapes = shapes, .dims = dims, .input_values = values, .operators = operators});
    }
  }
  return bindings;
}

GraphOfBinding GraphsOf(const ModelOptions& options, const std::vector<ImportOptions>& bindings) {
  return [&options, &bindings](size_t binding, const std::map<std::string, Shape>& rebound) {
    ImportOptions import = bindings[binding];
    if (!rebound.empty()) {
      import.input_shapes = rebound;
      // The shapes say it all, but for how many tensors a sequence holds.
      std::erase_if(import.dims,
                    [](const auto& dim) { return !absl::EndsWith(dim.first, ".length"); });
    }
    return LoadModel(options, import);
  };
}

}  // namespace tilewright
