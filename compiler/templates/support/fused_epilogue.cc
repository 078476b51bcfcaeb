#include "compiler/templates/support/fused_epilogue.h"

#include "absl/strings/str_cat.h"

namespace tilewright {

void FuseEpilogue(const Workload& workload, Expr channel, int64_t channels, Compute* compute) {
  const Buffer output = compute->output;
  FuseEpilogueAt(workload, {output, channels, {Vars(compute->axes), std::move(channel)}}, compute);
}

void FuseEpilogueAt(const Workload& workload, const StoredTo& to, Compute* compute) {
  const DType out = OutputTypeOf(workload), acc = AccumulatorOf(workload);
  if (workload.epilogue.empty() && out == acc) return;
  std::vector<Buffer> extras;
  for (size_t i = 0; i < workload.epilogue.size(); ++i) {
    const EpilogueOperand operand = OperandOf(workload.epilogue[i].kind);
    if (operand == EpilogueOperand::kPerChannel) {
      extras.push_back(
          MakeBuffer(absl::StrCat("bias", i), OperandTypeOf(workload, i), {to.channels}));
    } else if (operand == EpilogueOperand::kLikeOutput) {
      extras.push_back(MakeBuffer(absl::StrCat("residual", i), out, to.output->shape));
    }
  }
  compute->acc = Var("total", acc);
  compute->result = ResultOf(workload, compute->acc, extras, to.place);
  for (Buffer& extra : extras) compute->inputs.push_back(std::move(extra));
}

}  // namespace tilewright
