// The options of verbs that take a model: MODEL, --input-shape, --dim, --input-value, --operators,
// --target, --disable-pass, --exact.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/target.h"
#include "compiler/driver/compile_model.h"
#include "compiler/graph/graph.h"
#include "compiler/onnx/import.h"

namespace tilewright {

struct ModelOptions {
  std::string model;
  std::vector<std::string> input_shapes, dims, input_values;
  std::vector<std::string> operators;  // files that define operators
  std::string target = "cpu";
  std::vector<std::string> disabled_passes;
  bool exact = false;
};

// `options` must live as long as the verb.
void AddModelOptions(CLI::App* verb, ModelOptions* options);
// Only MODEL, --input-shape, --dim, --input-value and --operators.
void AddModelFileOptions(CLI::App* verb, ModelOptions* options);

// How to import the model for a verb of one binding; wrong usage for a malformed --input-shape,
// --dim or --input-value and for several bindings (model_bindings.h), bad input for a file of
// --operators.
absl::StatusOr<ImportOptions> ImportOptionsOf(const ModelOptions& options);
// The files of --operators, the texts that libraries among them give, and the operators in them.
struct OperatorsFile {
  std::string path, text;
};
absl::StatusOr<std::vector<OperatorsFile>> OperatorFilesOf(const ModelOptions& options);
absl::StatusOr<std::vector<PluginOperator>> OperatorsOf(const ModelOptions& options);
// A missing file is bad input.
absl::StatusOr<Graph> LoadModel(const ModelOptions& options, const ImportOptions& import);
// With ImportOptionsOf.
absl::StatusOr<Graph> LoadModel(const ModelOptions& options);
// This machine's details filled in; wrong usage when the text is no target.
absl::StatusOr<Target> TargetOf(const ModelOptions& options);
// Wrong usage for an unknown pass.
absl::StatusOr<PipelineOptions> PassesOf(const ModelOptions& options);

// All of the above, then the model's tasks; those of several bindings together, each once.
struct TasksOfModel {
  Target target;
  std::vector<ModelTask> tasks;
};
absl::StatusOr<TasksOfModel> LoadTasks(const ModelOptions& options);

}  // namespace tilewright
