// Recognising what quantises and dequantises: the maps between real numbers and the eight-bit
// integers that stand for them, real = (integer - zero point) * scale.
#pragma once

#include <optional>
#include <vector>

#include "compiler/graph/graph.h"

namespace tilewright {

// real = (integer - zero_point) * scale.
struct Dequantizer {
  size_t input = 0;  // which input of the node is the integers
  int64_t zero_point = 0;
  std::vector<float> scales;  // one, or one for each position along `axis`
  int axis = -1;              // -1: one scale
};
// nullopt unless the node is a map from 8-bit integers to float32 of that form, with constant
// scales and one constant zero point.
std::optional<Dequantizer> MatchDequantizer(const Graph& graph, const Node& node);

// integer = saturate(rounded + zero_point).
struct Quantizer {
  Expr rounded;  // float32, whole
  int64_t zero_point = 0;
};
// nullopt unless the node is a map to 8-bit integers of that form with a constant zero point.
std::optional<Quantizer> MatchQuantizer(const Graph& graph, const Node& node);

// integer - zero_point in int16, with one constant zero point: what integer operators are given.
struct Centering {
  size_t input = 0;
  int64_t zero_point = 0;
};
std::optional<Centering> MatchCentering(const Graph& graph, const Node& node);

}  // namespace tilewright
