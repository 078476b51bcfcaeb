// Graph -> package. Never measures.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/task.h"
#include "compiler/driver/constant_evaluator.h"
#include "compiler/graph/graph.h"
#include "compiler/graph/pipeline.h"
#include "runtime/package.h"

namespace tilewright {

// The best known schedule of a workload.
struct BestConfig {
  std::string template_name;
  Config config;
  double seconds = 0;
  std::string record = "";  // run id of the record that says so; "" = none does
};
// Looks a workload up in the records; nullopt = none, the template's default is used.
using ConfigLookup =
    std::function<absl::StatusOr<std::optional<BestConfig>>(const Workload&, const Target&)>;

struct CompileModelOptions {
  Target target;        // resolved
  ConfigLookup lookup;  // may be null: untuned
  // May be null. Called once after the passes with every workload that `lookup` will be asked for,
  // so that records far away are asked in one call.
  std::function<absl::Status(const std::vector<Workload>&)> before_lookups;
  PipelineOptions passes;
  bool exact = false;      // no template that is not Exact()
  bool reference = false;  // no passes, no schedules: the plain definitions compiled
  std::string dump_dir;    // when set: 00_import.txt, 01_<pass>.txt, kernels' loop IR, .ll, .s
};

struct CompiledModel {
  // The parts of the package, each held once.
  Manifest manifest;
  std::vector<ExecutionPlan> plans;  // one, or one for each of CompileBindings' bindings
  std::string params, so;
  std::vector<std::string> untuned;         // keys of workloads compiled without a record
  std::vector<std::string> call_workloads;  // of each call of the first plan: the key, "" for none
};

// The package as tar bytes.
inline void WritePackage(const CompiledModel& model, const ByteSink& sink) {
  WritePackage(PackageParts{model.manifest, model.plans, model.params, model.so}, sink);
}

// Runs the passes on the graph and compiles every node.
absl::StatusOr<CompiledModel> CompileModel(Graph graph, const CompileModelOptions& options);

// A model's graph when its inputs have the shapes of a binding; `rebound`, unless empty, are shapes
// of all its inputs that count instead.
using GraphOfBinding = std::function<absl::StatusOr<Graph>(
    size_t binding, const std::map<std::string, Shape>& rebound)>;

// One package for `count` >= 1 bindings of one model: they share constants, and kernels where they
// compute the same. Asks for one graph after the other and holds none for long. A dimension that
// differs between bindings may be padded where its samples are proven to stay apart
// (compiler/graph/samples.h): in the binding itself, and in the same way in the graph whose
// dimension is one larger. InvalidArgument when bindings are the same, or of different models.
absl::StatusOr<CompiledModel> CompileBindings(size_t count, const GraphOfBinding& graph_of,
                                              const CompileModelOptions& options);

// Passes only: the workloads to tune, with the tasks of every matching template (if `exact`, of
// those that are).
struct ModelTask {
  Task task;
  int count = 0;
  uint64_t space_size = 0;
  double flops = 0;  // of one call
};
absl::StatusOr<std::vector<ModelTask>> ExtractTasks(Graph graph, const Target& target,
                                                    const PipelineOptions& passes,
                                                    bool exact = false);

}  // namespace tilewright
