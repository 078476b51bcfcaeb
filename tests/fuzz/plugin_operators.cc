// Files that define operators. What is accepted is imported, which parses and verifies the
// definition for a model's shapes.
#include "base/check.h"
#include "compiler/loop/verify.h"
#include "compiler/onnx/import.h"
#include "tests/fuzz/target.h"
#include "tests/onnx/model_builder.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

std::string ModelOf(const PluginOperator& op) {
  ModelBuilder m;
  m.Input("x", {2, 4});
  m.Node(op.name, {"x"}, {"y"}).set_domain(op.domain);
  m.Output("y");
  return m.Bytes();
}

}  // namespace

FuzzTarget plugin_operators() {
  return {.seeds = {"operator com.example.Shift:\n"
                    "  attribute mode: string = \"zero\" in \"zero\", \"clamp\"\n"
                    "  attribute by: int = 1\n"
                    "  type T: float32, float64\n"
                    "  input x: T[N, W]\n"
                    "  output y: T[N, W + 1]\n"
                    "  let at(w) = min(max(w - by, 0), W - 1)\n"
                    "  define:\n"
                    "    for n in 0..N:\n"
                    "      for w in 0..W + 1:\n"
                    "        y[n, w] = select(mode == \"zero\" && w < by, T(0), x[n, at(w)])\n",
                    "operator a.B:  # running sums\n"
                    "  input x: float32[N, 4]\n"
                    "  output y: float32[N, 4]\n"
                    "  define:\n"
                    "    for n in 0..N:\n"
                    "      alloc sum: stack float32[1]\n"
                    "      sum[0] = 0.0\n"
                    "      for w in 0..4:\n"
                    "        sum[0] = sum[0] + x[n, w]\n"
                    "        y[n, w] = sum[0]\n"},
          .read =
              [](std::string_view text) {
                const auto operators = ParsePluginOperators(text, "file");
                if (!operators.ok()) return false;
                for (const PluginOperator& op : *operators) {
                  const auto graph = ImportOnnx(ModelOf(op), {.operators = *operators});
                  if (!graph.ok()) return false;
                  TW_CHECK(Verify(LowerPlain(graph->nodes[0].compute)).ok()) << text;
                }
                return true;
              },
          .files = TILEWRIGHT_SOURCE_DIR "/examples/operators/*.txt"};
}

}  // namespace tilewright
