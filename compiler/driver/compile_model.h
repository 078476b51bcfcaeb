// Graph -> package. Never measures.
#pragma once

#include <functional>
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
  ExecutionPlan plan;
  std::string params, so;
  std::vector<std::string> untuned;         // keys of workloads compiled without a record
  std::vector<std::string> call_workloads;  // of each call of the plan: the key, "" for none
};

// The package as tar bytes.
inline void WritePackage(const CompiledModel& model, const ByteSink& sink) {
  WritePackage(model.manifest, model.plan, model.params, model.so, sink);
}

// Runs the passes on the graph and compiles every node.
absl::StatusOr<CompiledModel> CompileModel(Graph graph, const CompileModelOptions& options);

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
