#include "compiler/templates/support/fused_epilogue.h"

#include "absl/strings/str_cat.h"
#include "compiler/operators/define.h"

namespace tilewright {

void FuseEpilogue(const Workload& workload, Expr channel, int64_t channels, Compute* compute) {
  const Buffer output = compute->output;
  FuseEpilogueAt(workload, std::move(channel), channels, output, Vars(compute->axes), compute);
}

void FuseEpilogueAt(const Workload& workload, Expr channel, int64_t channels, const Buffer& output,
                    const std::vector<Expr>& position, Compute* compute) {
  const DType out = OutputTypeOf(workload), acc = AccumulatorOf(workload);
  if (workload.epilogue.empty() && out == acc) return;
  std::vector<Buffer> extras;
  for (size_t i = 0; i < workload.epilogue.size(); ++i) {
    const EpilogueOperand operand = OperandOf(workload.epilogue[i].kind);
    if (operand == EpilogueOperand::kPerChannel) {
      extras.push_back(MakeBuffer(absl::StrCat("bias", i), OperandTypeOf(workload, i), {channels}));
    } else if (operand == EpilogueOperand::kLikeOutput) {
      extras.push_back(MakeBuffer(absl::StrCat("residual", i), out, output->shape));
    }
  }
  compute->acc = Var("total", acc);
  compute->result = ResultOf(workload, compute->acc, extras, position, std::move(channel));
  for (Buffer& extra : extras) compute->inputs.push_back(std::move(extra));
}

}  // namespace tilewright
