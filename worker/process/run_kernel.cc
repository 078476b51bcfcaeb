#include "worker/process/run_kernel.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "compiler/core/layout.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"
#include "worker/process/child.h"
#include "worker/process/pipe_io.h"
#include "worker/process/run_result.h"

namespace tilewright {
namespace {

constexpr size_t kMaxResultBytes = 64 << 10;
constexpr int64_t kSpareMemory = 512 << 20;
// Beside an operand (runner/guarded_memory.h): rounding up, finding a boundary, two guards.
constexpr int64_t kAroundOperand = 5 << 20;

// Of a process that ended before it called the kernel: nothing the kernel did.
absl::StatusOr<Outcome> FromEarlyEnd(const absl::Status& why, Child& child, double limit_seconds) {
  if (absl::IsDeadlineExceeded(why)) {
    return absl::UnavailableError(
        absl::StrCat("the runner did not come to call the kernel in ", limit_seconds, " s"));
  }
  if (!absl::IsUnavailable(why)) return why;
  TW_ASSIGN_OR_RETURN(const int status, child.End(kOwnEndSeconds));
  return EndedEarly(status);
}

bool IsOver(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

double SecondsUntil(Deadline deadline) {
  const std::chrono::duration<double> left = deadline - std::chrono::steady_clock::now();
  return std::max(0.0, left.count());
}

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
                                  double limit_seconds, const Interrupt* interrupt,
                                  std::string* lacking, SpareTime* spare) {
  TW_ASSIGN_OR_RETURN(Child child, Child::Start({runner}, ChildOutput::kDiscarded));
  const Deadline deadline = DeadlineAfter(limit_seconds);
  RunSpec told = spec;
  told.token = NewToken();
  // A runner that cannot be told shows by its exit.
  WriteAll(child.input(), ToText(told) + kEndOfSpec).IgnoreError();
  if (spare) {
    spare->Hold(child.ReleaseInput());
  } else {
    child.CloseInput();
  }
  const std::string mark = told.token + " ";
  const absl::StatusOr<std::string> first = ReadLine(child.output(), deadline, interrupt);
  if (!first.ok()) return FromEarlyEnd(first.status(), child, limit_seconds);
  absl::string_view word = *first;
  if (absl::ConsumePrefix(&word, mark)) return OutcomeOfResult(word);
  if (!absl::ConsumePrefix(&word, "called")) {
    return absl::InternalError(absl::StrCat("the runner wrote \"", word.substr(0, 80), "\""));
  }
  if (lacking) *lacking = std::string(absl::StripAsciiWhitespace(word));
  const absl::StatusOr<std::string> text =
      ReadToEnd(child.output(), kMaxResultBytes, deadline, interrupt);
  if (absl::IsDeadlineExceeded(text.status())) {
    TW_RETURN_IF_ERROR(child.End(0).status());
    return StillRunning(limit_seconds);
  }
  if (!text.ok()) return text.status();
  absl::string_view result = *text;
  // What does not begin with the token was written by the kernel.
  if (!absl::ConsumePrefix(&result, mark) || !absl::ConsumeSuffix(&result, "\n")) {
    TW_ASSIGN_OR_RETURN(const int status, child.End(SecondsUntil(deadline)));
    return IsOver(deadline) ? StillRunning(limit_seconds) : OutcomeOfExit(status);
  }
  return OutcomeOfResult(result);
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
