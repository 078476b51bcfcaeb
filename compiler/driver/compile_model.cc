#include "compiler/driver/compile_model.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/driver/constant_evaluator.h"
#include "compiler/driver/dump.h"
#include "compiler/driver/kernel_set.h"
#include "compiler/driver/model_plan.h"
#include "compiler/driver/padding.h"
#include "compiler/driver/prepare_weights.h"
#include "compiler/graph/edit.h"
#include "compiler/loop/text.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/support/cpu_features.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "runtime/device/device.h"

namespace tilewright {
namespace {

// Runs the passes, each followed by the caller's hook and a dump: 01_<first>.txt, 02_...
absl::Status RunAllPasses(Graph& graph, const CompileModelOptions& options, Dump& dump) {
  PipelineOptions passes = options.passes;
  int number = 0;
  passes.after_pass = [&](const PassInfo& pass, const Graph& after, double seconds) {
    if (options.passes.after_pass) options.passes.after_pass(pass, after, seconds);
    ++number;
    if (dump.enabled()) dump.Write(absl::StrFormat("%02d_%s.txt", number, pass.name), Print(after));
  };
  const PassContext context{.target = options.target, .evaluate = MakeConstantEvaluator()};
  return RunPasses(graph, context, passes);
}

absl::Status AnnounceLookups(const Graph& graph, const CompileModelOptions& options) {
  if (options.reference || !options.before_lookups) return absl::OkStatus();
  std::vector<Workload> workloads;
  for (const ExtractedWorkload& extracted : ExtractWorkloads(graph)) {
    workloads.push_back(extracted.workload);
  }
  return options.before_lookups(workloads);
}

// Tasks for all nodes but those that only rename memory or have nothing to compute (-1).
absl::StatusOr<std::vector<int>> AddKernels(const Graph& graph, KernelSet& kernels) {
  const std::vector<ValueId> roots = MemoryRoots(graph);
  std::vector<int> kernel_of;
  for (const Node& node : graph.nodes) {
    kernel_of.push_back(-1);
    const bool empty = NumElements(graph.values[node.output].type.shape) == 0;
    if (empty || OnlyRenames(node, roots)) continue;
    const bool constant_weights =
        node.inputs.size() > 1 && !graph.values[node.inputs[1]].constant.empty();
    TW_ASSIGN_OR_RETURN(const size_t kernel, kernels.Add(node, constant_weights));
    kernel_of.back() = static_cast<int>(kernel);
  }
  return kernel_of;
}

absl::StatusOr<std::string> CompileKernels(const std::vector<Program>& programs,
                                           const CompileModelOptions& options, Dump& dump) {
  TW_ASSIGN_OR_RETURN(const TargetBackend* backend, FindTarget(options.target.kind));
  CompileOptions compile{.optimize = options.reference ? Optimize::kPlain : Optimize::kFull};
  if (!dump.enabled()) return backend->CompileLibrary(programs, options.target, compile);
  for (const Program& program : programs) {
    dump.Write(absl::StrCat("kernels/", program.name, ".loop.txt"), Print(program));
  }
  std::string ir, assembly;
  compile.ir = &ir;
  compile.assembly = &assembly;
  TW_ASSIGN_OR_RETURN(std::string so, backend->CompileLibrary(programs, options.target, compile));
  dump.Write("kernels/kernels.ll", ir);
  dump.Write("kernels/kernels.s", assembly);
  return so;
}

Manifest MakeManifest(const std::string& model, const Target& target) {
  return {.model = model,
          .target = ToString(target),
          .created_by = "tilewright " TILEWRIGHT_VERSION,
          .device = target.kind,
          .cpu_features = IsGpu(target) ? std::vector<std::string>() : CpuFeaturesOf(target)};
}

// Several graphs made into one package.
class ModelCompiler {
 public:
  explicit ModelCompiler(const CompileModelOptions& options)
      : options_(options),
        dump_(options.dump_dir),
        kernels_(options),
        alignment_(IsGpu(options.target) ? runtime::kDeviceAlignment : kArenaAlignment),
        constants_(alignment_) {}

  absl::Status Add(Graph graph) {
    const size_t number = result_.plans.size();
    Dump dump(options_.dump_dir.empty() || number == 0
                  ? options_.dump_dir
                  : absl::StrCat(options_.dump_dir, "/binding", number));
    if (dump.enabled()) dump.Write("00_import.txt", Print(graph));
    TW_RETURN_IF_ERROR(dump.status());
    if (!options_.reference) TW_RETURN_IF_ERROR(RunAllPasses(graph, options_, dump));
    TW_RETURN_IF_ERROR(dump.status());
    TW_RETURN_IF_ERROR(AnnounceLookups(graph, options_));
    GiveOutputsTheirOwnValues(graph);
    TW_ASSIGN_OR_RETURN(std::vector<int> task_of, AddKernels(graph, kernels_));
    TW_ASSIGN_OR_RETURN(PreparedWeights prepared, PrepareWeights(graph, kernels_.tasks(), task_of));
    if (number == 0) result_.manifest = MakeManifest(graph.name, options_.target);
    ModelPlan plan = MakePlan(std::move(graph),
                              {.tasks = kernels_.tasks(),
                               .task_of = std::move(task_of),
                               .prepared = std::move(prepared),
                               .alignment = alignment_},
                              constants_);
    if (number == 0) result_.call_workloads = std::move(plan.call_workloads);
    result_.plans.push_back(std::move(plan.plan));
    return absl::OkStatus();
  }

  absl::StatusOr<CompiledModel> Finish() {
    TW_ASSIGN_OR_RETURN(result_.so, CompileKernels(kernels_.Programs(), options_, dump_));
    TW_RETURN_IF_ERROR(dump_.status());
    result_.manifest.records.assign(kernels_.records().begin(), kernels_.records().end());
    result_.untuned = kernels_.untuned();
    result_.params = constants_.TakeBytes();
    return std::move(result_);
  }

 private:
  const CompileModelOptions& options_;
  Dump dump_;
  KernelSet kernels_;
  const int64_t alignment_;
  ConstantPool constants_;
  CompiledModel result_;
};

absl::Status CheckReference(const CompileModelOptions& options) {
  if (!IsGpu(options.target) || !options.reference) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a reference is for a CPU, found target ", ToString(options.target),
                   "; compile it with --target cpu and compare the two packages"));
}

}  // namespace

absl::StatusOr<CompiledModel> CompileModel(Graph graph, const CompileModelOptions& options) {
  TW_RETURN_IF_ERROR(CheckReference(options));
  ModelCompiler compiler(options);
  TW_RETURN_IF_ERROR(compiler.Add(std::move(graph)));
  return compiler.Finish();
}

absl::StatusOr<CompiledModel> CompileBindings(size_t count, const GraphOfBinding& graph_of,
                                              const CompileModelOptions& options) {
  TW_RETURN_IF_ERROR(CheckReference(options));
  ModelCompiler compiler(options);
  for (size_t i = 0; i < count; ++i) {
    TW_ASSIGN_OR_RETURN(Graph graph, graph_of(i, {}));
    TW_RETURN_IF_ERROR(compiler.Add(std::move(graph)));
  }
  TW_ASSIGN_OR_RETURN(CompiledModel compiled, compiler.Finish());
  if (count > 1) TW_RETURN_IF_ERROR(AddPadding(graph_of, compiled.plans));
  return compiled;
}

absl::StatusOr<std::vector<ModelTask>> ExtractTasks(Graph graph, const Target& target,
                                                    const PipelineOptions& passes, bool exact) {
  const PassContext context{.target = target, .evaluate = MakeConstantEvaluator()};
  TW_RETURN_IF_ERROR(RunPasses(graph, context, passes));
  std::vector<ModelTask> tasks;
  for (const ExtractedWorkload& extracted : ExtractWorkloads(graph)) {
    const Workload& workload = extracted.workload;
    for (const TemplateEntry& entry : MatchingTemplates(workload, target)) {
      if (exact && !entry.impl->Exact(workload)) continue;
      tasks.push_back({.task = {workload, entry.name, target},
                       .count = extracted.count,
                       .space_size = entry.impl->Space(workload, target).size(),
                       .flops = Flops(workload)});
    }
  }
  return tasks;
}

}  // namespace tilewright
