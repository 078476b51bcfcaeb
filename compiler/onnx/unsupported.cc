#include "compiler/onnx/unsupported.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace tilewright {
namespace {

struct Reason {
  std::string_view operators;  // names, each between spaces
  std::string_view advice;
};

constexpr std::array kReasons = {
    Reason{" StringNormalizer StringConcat StringSplit RegexFullMatch "
           "ai.onnx.ml.CategoryMapper ai.onnx.ml.DictVectorizer ai.onnx.ml.CastMap ",
           "it computes with strings or maps: do that before the model"},
    Reason{" ImageDecoder ",
           "decode images before the model (`tilewright run -i` takes PNG and JPEG files)"},
    Reason{" Multinomial ", "it draws at random: make what it draws an input of the model"},
    Reason{" ai.onnx.preview.training.Gradient ",
           "it stands for the gradient of a part of the model: export the model for inference"},
    Reason{" com.microsoft.QOrderedAttention com.microsoft.QOrderedMatMul "
           "com.microsoft.DecoderMaskedSelfAttention com.microsoft.PackedAttention ",
           "it is a form that ONNX Runtime's optimiser writes: quantise to QDQ (`tilewright "
           "quantize`) or export without that optimisation"}};

}  // namespace

std::string AdviceAbout(std::string_view op_type) {
  const std::string padded = absl::StrCat(" ", Sv(op_type), " ");
  for (const Reason& reason : kReasons) {
    if (reason.operators.find(padded) == std::string_view::npos) continue;
    return ": " + std::string(reason.advice);
  }
  const bool own_domain = op_type.find('.') != std::string_view::npos;
  return own_domain ? ": a text file may define it (--operators FILE, see examples/operators)" : "";
}

}  // namespace tilewright
