#include "cli/model/model_options.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/model/model_bindings.h"
#include "cli/model/operators_library.h"
#include "compiler/targets/target_backend.h"

namespace tilewright {
namespace {

// One byte more than ParsePluginOperators takes.
constexpr std::streamsize kMaxOperatorsFile = (1 << 20) + 1;

// What the user typed was wrong; other errors (a target that is known but not built) stay.
absl::Status AsUsage(absl::Status status) {
  const bool typed = absl::IsInvalidArgument(status) || absl::IsNotFound(status);
  return typed ? WithExitCode(std::move(status), ExitCode::kUsage) : status;
}

absl::Status CheckPassName(const std::string& name) {
  std::vector<std::string> known;
  for (const PassInfo& pass : Passes()) known.push_back(pass.name);
  if (std::find(known.begin(), known.end(), name) != known.end()) return absl::OkStatus();
  return UsageError(
      absl::StrCat("unknown pass \"", name, "\"; known: ", absl::StrJoin(known, ", ")));
}

absl::StatusOr<OperatorsFile> ReadOperators(const std::string& path) {
  if (IsLibrary(path)) {
    TW_ASSIGN_OR_RETURN(std::string text, OperatorsOfLibrary(path));
    return OperatorsFile{path, std::move(text)};
  }
  std::ifstream file(path, std::ios::binary);
  OperatorsFile read{path, std::string(kMaxOperatorsFile, '\0')};
  if (!file.read(read.text.data(), kMaxOperatorsFile) && !file.eof()) {
    return BadInput(absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read")));
  }
  read.text.resize(static_cast<size_t>(file.gcount()));
  return read;
}

}  // namespace

void AddModelFileOptions(CLI::App* verb, ModelOptions* options) {
  verb->add_option("MODEL", options->model, "ONNX file")->required();
  verb->add_option("--input-shape,--input-shapes", options->input_shapes,
                   "binds an input's shape, or changes it: data:1,3,224,224; may be repeated, also "
                   "for one input: another binding");
  verb->add_option("--dim", options->dims,
                   "binds a dimension by the model's name for it: batch=4; may be repeated; "
                   "batch=1,4,16 are three bindings (for `compile`, in one package)");
  verb->add_option("--input-value", options->input_values,
                   "fixes an input that only decides what is computed: rate=16000 or axes=1,2; it "
                   "is no input of the compiled model; may be repeated");
  verb->add_option("--operators", options->operators,
                   "a text file that defines operators of your own, or a shared library that gives "
                   "such a text (tilewright_operators.h); may be repeated");
}

void AddModelOptions(CLI::App* verb, ModelOptions* options) {
  AddModelFileOptions(verb, options);
  verb->add_option("--target", options->target,
                   "what to compile for: cpu -mcpu=znver4, cuda -arch=sm_90 (without -arch this "
                   "machine's GPU), opencl")
      ->capture_default_str();
  verb->add_option("--disable-pass", options->disabled_passes,
                   "leaves out a graph pass (see `tilewright passes`); may be repeated");
  verb->add_flag("--exact", options->exact,
                 "only algorithms that round as direct summation does (no Winograd of floats)");
}

absl::StatusOr<ImportOptions> ImportOptionsOf(const ModelOptions& options) {
  TW_ASSIGN_OR_RETURN(std::vector<ImportOptions> bindings, BindingsOf(options));
  if (bindings.size() == 1) return std::move(bindings[0]);
  return UsageError(absl::StrCat("--dim and --input-shape ask for ", bindings.size(),
                                 " bindings where one is needed; give one"));
}

absl::StatusOr<std::vector<OperatorsFile>> OperatorFilesOf(const ModelOptions& options) {
  std::vector<OperatorsFile> files;
  for (const std::string& path : options.operators) {
    TW_ASSIGN_OR_RETURN(files.emplace_back(), ReadOperators(path));
  }
  return files;
}

absl::StatusOr<std::vector<PluginOperator>> OperatorsOf(const ModelOptions& options) {
  std::vector<PluginOperator> operators;
  TW_ASSIGN_OR_RETURN(const std::vector<OperatorsFile> files, OperatorFilesOf(options));
  for (const OperatorsFile& file : files) {
    absl::StatusOr<std::vector<PluginOperator>> defined =
        ParsePluginOperators(file.text, file.path);
    if (!defined.ok()) return BadInput(defined.status());
    std::move(defined->begin(), defined->end(), std::back_inserter(operators));
  }
  return operators;
}

absl::StatusOr<Graph> LoadModel(const ModelOptions& options, const ImportOptions& import) {
  absl::StatusOr<Graph> graph = ImportOnnxFile(options.model, import);
  if (absl::IsNotFound(graph.status())) return BadInput(graph.status());
  return graph;
}

absl::StatusOr<Graph> LoadModel(const ModelOptions& options) {
  TW_ASSIGN_OR_RETURN(const ImportOptions import, ImportOptionsOf(options));
  return LoadModel(options, import);
}

absl::StatusOr<Target> TargetOf(const ModelOptions& options) {
  const absl::StatusOr<Target> parsed = ParseTarget(options.target);
  if (!parsed.ok()) return AsUsage(parsed.status());
  absl::StatusOr<Target> resolved = ResolveTarget(*parsed);
  if (!resolved.ok()) return AsUsage(resolved.status());
  return resolved;
}

absl::StatusOr<PipelineOptions> PassesOf(const ModelOptions& options) {
  PipelineOptions passes;
  for (const std::string& name : options.disabled_passes) {
    TW_RETURN_IF_ERROR(CheckPassName(name));
    passes.disabled.insert(name);
  }
  return passes;
}

absl::StatusOr<TasksOfModel> LoadTasks(const ModelOptions& options) {
  TasksOfModel loaded;
  TW_ASSIGN_OR_RETURN(loaded.target, TargetOf(options));
  TW_ASSIGN_OR_RETURN(const PipelineOptions passes, PassesOf(options));
  TW_ASSIGN_OR_RETURN(const std::vector<ImportOptions> bindings, BindingsOf(options));
  std::map<std::string, size_t> place;
  for (const ImportOptions& binding : bindings) {
    TW_ASSIGN_OR_RETURN(Graph graph, LoadModel(options, binding));
    TW_ASSIGN_OR_RETURN(std::vector<ModelTask> tasks,
                        ExtractTasks(std::move(graph), loaded.target, passes, options.exact));
    for (ModelTask& task : tasks) {
      const auto [at, fresh] = place.emplace(KeyOf(task.task), loaded.tasks.size());
      if (!fresh) loaded.tasks[at->second].count += task.count;
      if (fresh) loaded.tasks.push_back(std::move(task));
    }
  }
  return loaded;
}

}  // namespace tilewright
