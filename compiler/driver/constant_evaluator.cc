#include "compiler/driver/constant_evaluator.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/verify.h"
#include "compiler/targets/support/host_kernel.h"
#include "compiler/targets/target_backend.h"

namespace tilewright {
namespace {

// Compiling takes about 10 ms, in which the interpreter does some thousand steps.
constexpr double kInterpretedSteps = 4096;

double StepsOf(const Compute& compute) {
  double steps = 1;
  for (const Axis& axis : compute.axes) steps *= axis.extent;
  for (const Axis& axis : compute.reduce) steps *= axis.extent;
  return steps;
}

absl::Status CheckInputs(const Program& program, const std::vector<Tensor>& args) {
  if (args.size() != program.params.size()) {
    return absl::InvalidArgumentError(absl::StrCat("definition ", program.name, " takes ",
                                                   program.params.size() - 1, " inputs, found ",
                                                   args.size() - 1));
  }
  for (size_t i = 0; i < args.size(); ++i) {
    const TensorType type{program.params[i]->dtype, program.params[i]->shape};
    if (args[i].type() != type) {
      return absl::InvalidArgumentError(absl::StrCat("input ", i, " of ", program.name, " is ",
                                                     ToString(args[i].type()), ", expected ",
                                                     ToString(type)));
    }
  }
  return absl::OkStatus();
}

absl::Status RunHere(Program program, std::vector<Tensor>& args) {
  program.name = "constant";  // definitions may bear names that are no symbols
  TW_RETURN_IF_ERROR(Verify(program));
  TW_ASSIGN_OR_RETURN(const Target host, ResolveTarget(Target{}));
  TW_ASSIGN_OR_RETURN(const TargetBackend* backend, FindTarget(host.kind));
  TW_ASSIGN_OR_RETURN(
      const std::string so,
      backend->CompileLibrary(std::span(&program, 1), host, {.optimize = Optimize::kPlain}));
  TW_ASSIGN_OR_RETURN(const HostKernel kernel, HostKernel::Load(so, program.name));
  kernel.Run(args, 0, program.ParallelExtent());
  return absl::OkStatus();
}

absl::StatusOr<Tensor> Evaluate(const Compute& compute, std::vector<Tensor> args) {
  const Program program = LowerPlain(compute);
  args.emplace_back(TensorType{compute.output->dtype, compute.output->shape});
  TW_RETURN_IF_ERROR(CheckInputs(program, args));
  TW_RETURN_IF_ERROR(StepsOf(compute) <= kInterpretedSteps ? Interpret(program, args)
                                                           : RunHere(program, args));
  return args.back();
}

}  // namespace

ConstantEvaluator MakeConstantEvaluator() { return Evaluate; }

}  // namespace tilewright
