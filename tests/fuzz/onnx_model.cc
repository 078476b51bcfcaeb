// ONNX models.
#include "base/check.h"
#include "compiler/onnx/import.h"
#include "tests/fuzz/target.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {
namespace {

std::string ShapeComputation() {
  ModelBuilder m;
  m.Input("x", {2, 3, 4});
  m.Ints("i", {0, -1});
  m.Ints("t", {3, 2});
  m.Node("Shape", {"x"}, {"shape"});
  m.Node("Gather", {"shape", "i"}, {"g"});
  m.Node("Div", {"g", "t"}, {"q"});
  SetInt(m.Node("Concat", {"q", "t"}, {"c"}), "axis", 0);
  m.Node("ConstantOfShape", {"c"}, {"f"});
  m.Ints("n", {3});
  m.Node("Tile", {"g", "n"}, {"e"});
  m.Node("Reshape", {"x", "c"}, {"y"});
  m.Output("y");
  return m.Bytes();
}

std::string Convolution() {
  ModelBuilder m;
  m.Input("x", {1, 2, 5, 5});
  m.Floats("w", {2, 2, 3, 3});
  m.Node("Conv", {"x", "w"}, {"c"});
  m.Node("Relu", {"c"}, {"r"});
  m.Node("GlobalAveragePool", {"r"}, {"y"});
  m.Output("y");
  return m.Bytes();
}

}  // namespace

FuzzTarget onnx_model() {
  return {.seeds = {ShapeComputation(), Convolution()},
          .read =
              [](std::string_view bytes) {
                const auto graph = ImportOnnx(bytes, {});
                TW_CHECK(graph.ok() || absl::IsInvalidArgument(graph.status()) ||
                         absl::IsUnimplemented(graph.status()))
                    << graph.status().ToString();
                return graph.ok();
              },
          .files = "/usr/include/onnx/backend/test/data/node/*/model.onnx"};
}

}  // namespace tilewright
