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
  if (workload.epilogue.empty()) return;
  std::vector<Buffer> extras;
  for (size_t i = 0; i < workload.epilogue.size(); ++i) {
    const EpilogueOperand operand = OperandOf(workload.epilogue[i].kind);
    if (operand == EpilogueOperand::kPerChannel) {
      extras.push_back(MakeBuffer(absl::StrCat("bias", i), DType::kF32, {channels}));
    } else if (operand == EpilogueOperand::kLikeOutput) {
      extras.push_back(MakeBuffer(absl::StrCat("residual", i), DType::kF32, output->shape));
    }
  }
  compute->acc = Var("total", DType::kF32);
  compute->result =
      ApplyEpilogue(workload.epilogue, compute->acc, extras, position, std::move(channel));
  for (Buffer& extra : extras) compute->inputs.push_back(std::move(extra));
}

}  // namespace tilewright
