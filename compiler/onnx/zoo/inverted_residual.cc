#include "compiler/onnx/zoo/inverted_residual.h"

namespace tilewright::zoo {
namespace {

// x times a gate for each channel, made from the channels' means (Hu et al., arXiv:1709.01507).
Value SqueezeExcite(ModelWriter& net, const Value& x, const std::string& name,
                    const InvertedResidualSpec& spec) {
  Value y = GlobalAveragePool(net, x);
  y = Conv(net, y, name + ".fc1", {.channels = spec.squeezed, .bias = true});
  y = spec.squeeze_activation(net, y);
  y = Conv(net, y, name + ".fc2", {.channels = x.shape[1], .bias = true, .gain = 1});
  return Mul(net, x, spec.gate(net, y), name);
}

}  // namespace

Value InvertedResidual(ModelWriter& net, const Value& x, const std::string& name,
                       const InvertedResidualSpec& spec) {
  Value y = x;
  if (spec.hidden != x.shape[1]) {
    y = ConvBn(net, y, name + ".expand", {.channels = spec.hidden, .gain = 1, .norm = spec.norm});
    y = spec.activation(net, y);
  }
  const int64_t pad = (spec.kernel - 1) / 2 * spec.dilation;
  y = ConvBn(net, y, name + ".dw",
             {.channels = spec.hidden,
              .kernel = {spec.kernel, spec.kernel},
              .stride = spec.stride,
              .pad = {pad, pad},
              .groups = spec.hidden,
              .dilation = spec.dilation,
              .norm = spec.norm});
  y = spec.activation(net, y);
  if (spec.squeezed > 0) y = SqueezeExcite(net, y, name + ".se", spec);
  const bool residual = spec.stride == 1 && x.shape[1] == spec.channels;
  NormSpec last = spec.norm;
  if (residual) last.scale = kBranchEnd.scale;
  y = ConvBn(net, y, name + ".project", {.channels = spec.channels, .norm = last});
  return residual ? Add(net, x, y, name + ".add") : y;
}

}  // namespace tilewright::zoo
