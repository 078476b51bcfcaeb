#include "worker/process/run_kernel.h"

#include <algorithm>
#include <cmath>

#include "compiler/core/layout.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"
#include "worker/process/prepared_kernel.h"

namespace tilewright {
namespace {

constexpr int64_t kSpareMemory = 512 << 20;
// Beside an operand (runner/guarded_memory.h): rounding up, finding a boundary, two guards.
constexpr int64_t kAroundOperand = 5 << 20;

// Blocks whose factor does not divide the dimension leave padding.
std::vector<PaddedDim> PaddingOf(const std::string& layout_name, const Shape& logical) {
  std::vector<PaddedDim> padded;
  if (layout_name.empty()) return padded;
  const Layout layout = Layout::Parse(layout_name).value();
  for (size_t b = 0; b < layout.blocks().size(); ++b) {
    const auto& [dim, factor] = layout.blocks()[b];
    if (logical[dim] % factor == 0) continue;
    padded.push_back({static_cast<int>(dim), static_cast<int>(layout.rank() + b), logical[dim]});
  }
  return padded;
}

std::vector<RunCall> ToRunCalls(const std::vector<KernelCall>& calls) {
  std::vector<RunCall> run;
  for (const KernelCall& call : calls) {
    run.push_back({call.symbol, call.extent, call.launch, call.operands});
  }
  return run;
}

// Sums of n products of independent values grow as sqrt(n).
double FactorAmplitude(const Workload& w) {
  const double products = Flops(w) / 2 / static_cast<double>(NumElements(OutputShape(w)));
  return 1 / std::sqrt(std::max(1.0, products));
}

}  // namespace

absl::StatusOr<Outcome> RunKernel(const std::string& runner, const RunSpec& spec,
                                  double limit_seconds, const Interrupt* interrupt) {
  PreparedKernel kernel(runner, spec, limit_seconds, interrupt);
  return kernel.Run({.limit_seconds = limit_seconds});
}

std::vector<RunArgument> RunArguments(const Workload& w) {
  std::vector<RunArgument> arguments;
  for (const TensorType& type : ArgumentTypes(w)) arguments.push_back({type.dtype, type.shape});
  const Shape out = OutputShape(w);
  const OperatorDef& def = OperatorOf(w);
  const std::vector<PaddedDim> out_padding = PaddingOf(w.out_layout, out);
  arguments[0].padded = PaddingOf(w.data_layout, w.inputs[0].shape);
  if (!def.by_definition) {
    arguments[1].padded = PaddingOf(w.weight_layout, w.inputs[1].shape);
    arguments[1].cold = def.weighted;
    arguments[1].amplitude = FactorAmplitude(w);
  }
  size_t next = w.inputs.size();
  for (const EpilogueOp& step : w.epilogue) {
    const EpilogueOperand operand = OperandOf(step.kind);
    if (operand == EpilogueOperand::kLikeOutput) arguments[next++].padded = out_padding;
    if (operand != EpilogueOperand::kPerChannel) continue;
    arguments[next++].padded = {{.outer = 0, .inner = -1, .limit = out[def.channel]}};
  }
  arguments.back().padded = out_padding;
  return arguments;
}

int64_t BytesOf(const RunArgument& argument) { return NumBytes({argument.dtype, argument.shape}); }

RunSpec SpecOf(const BuiltKernel& kernel, std::vector<RunArgument> arguments) {
  const CompiledTask& task = kernel.task;
  RunSpec spec{.library = kernel.library,
               .prepare = ToRunCalls(task.prepare),
               .calls = ToRunCalls(task.calls),
               .tolerance = task.tolerance};
  for (const TensorType& type : task.buffers) spec.buffers.push_back({.bytes = NumBytes(type)});
  for (const KernelCall& call : task.prepare) {
    const size_t written = static_cast<size_t>(call.operands.back());
    if (written >= arguments.size() && written - arguments.size() < spec.buffers.size()) {
      spec.buffers[written - arguments.size()].cold = true;
    }
  }
  spec.memory_bytes = kSpareMemory;
  for (const RunArgument& argument : arguments) {
    spec.memory_bytes += 2 * BytesOf(argument) + kAroundOperand;
  }
  for (const RunBuffer& buffer : spec.buffers) spec.memory_bytes += buffer.bytes + kAroundOperand;
  spec.arguments = std::move(arguments);
  return spec;
}

}  // namespace tilewright
