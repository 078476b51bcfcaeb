// FlexAttention of ai.onnx.preview: attention whose bodies change the scores and the probabilities.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/attention.h"
#include "compiler/onnx/graph_bodies.h"
#include "compiler/onnx/importer.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

// float32, or what is wider; the node may say another.
absl::StatusOr<DType> PrecisionOf(OpBuilder& b) {
  const DType type = b.DTypeOf(b.Input(0));
  if (!b.HasAttr("softmax_precision")) return IsNarrowFloat(type) ? DType::kF32 : type;
  TW_ASSIGN_OR_RETURN(const DType given,
                      FromOnnxType(static_cast<int32_t>(b.Int("softmax_precision", 0))));
  if (IsFloat(given)) return given;
  return absl::InvalidArgumentError("softmax_precision is not a type of floats");
}

}  // namespace

absl::StatusOr<Importer::Values> Importer::ConvertFlexAttention(const Scope& scope,
                                                                onnx::NodeProto& node,
                                                                OpBuilder& b) {
  for (size_t i = 0; i < 3; ++i) {
    if (!b.HasInput(i)) return absl::InvalidArgumentError(absl::StrCat("lacks input ", i));
    TW_RETURN_IF_ERROR(b.CheckIsTensor(i));
    TW_RETURN_IF_ERROR(CheckRank(b, b.Input(i), 4, 4));
  }
  const auto body = [&](const char* name) -> ChangeFn {
    if (!b.HasAttr(name)) return nullptr;
    return [&, name](ValueId value) -> absl::StatusOr<ValueId> {
      TW_ASSIGN_OR_RETURN(onnx::GraphProto* const graph, BodyOf(node, name));
      TW_ASSIGN_OR_RETURN(const Values outputs, ConvertBody(*graph, &scope, {value}));
      if (outputs.size() == 1 && IsTensor(outputs[0])) return outputs[0];
      return absl::InvalidArgumentError(absl::StrCat(name, " does not give one tensor"));
    };
  };
  AttentionInputs a{.query = b.Input(0), .key = b.Input(1), .value = b.Input(2)};
  a.scale = b.Float("scale", 1 / std::sqrt(static_cast<double>(b.ShapeOf(a.query)[3])));
  a.change_scores = body("score_mod");
  a.change_probabilities = body("prob_mod");
  TW_ASSIGN_OR_RETURN(a.precision, PrecisionOf(b));
  TW_RETURN_IF_ERROR(b.status());
  TW_ASSIGN_OR_RETURN(const AttentionResult result, Attend(b, a));
  return Values{result.output};
}

}  // namespace tilewright
