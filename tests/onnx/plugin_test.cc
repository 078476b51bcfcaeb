// Operators that a user defines by a text file: the example against ONNX's own GridSample, and each
// mistake that may be in a file or in a node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/rng.h"
#include "compiler/onnx/import.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/run_both.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Tensors = std::map<std::string, Tensor>;

constexpr char kShift[] = R"(# Moves rows.
operator com.example.Shift:
  attribute mode: string = "zero" in "zero", "clamp"
  attribute by: int = 1
  attribute scale: float = 1.0
  attribute negate: bool = false
  type T: float32, float64, int32
  input x: T[N, W]
  output y: T[N, W]
  let at(w) = w - by
  let outside(w) = w < 0 || W <= w
  let limit(w) = min(max(w, 0), W - 1)
  define:
    for n in 0..N:
      for w in 0..W:
        y[n, w] = select(mode == "zero" && outside(at(w)), T(0), x[n, limit(at(w))])
)";

ImportOptions Operators(const std::string& text) {
  auto operators = ParsePluginOperators(text, "shift.txt");
  EXPECT_TRUE(operators.ok()) << operators.status();
  return {.operators = operators.ok() ? *std::move(operators) : std::vector<PluginOperator>()};
}

ModelBuilder ShiftModel(const Shape& shape = {2, 4},
                        onnx::TensorProto::DataType type = onnx::TensorProto::FLOAT) {
  ModelBuilder m;
  m.Input("x", shape, type);
  m.Node("Shift", {"x"}, {"y"}).set_domain("com.example");
  m.Output("y");
  return m;
}

std::string ParseError(const std::string& text) {
  return std::string(ParsePluginOperators(text, "shift.txt").status().message());
}

// What the importer says to a definition (or other text) in place of the example's.
std::string ImportError(const std::vector<std::pair<absl::string_view, absl::string_view>>& changes,
                        const ModelBuilder& model = ShiftModel()) {
  const std::string text = absl::StrReplaceAll(kShift, changes);
  EXPECT_NE(text, kShift);
  return std::string(ImportOnnx(model.Bytes(), Operators(text)).status().message());
}

constexpr absl::string_view kStore =
    "y[n, w] = select(mode == \"zero\" && outside(at(w)), T(0), x[n, limit(at(w))])";

TEST(Plugin, AttributesAndShapesStandForTheirValues) {
  const Tensor x({DType::kF32, {2, 4}}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  for (const auto& [mode, by, expected] :
       std::vector<std::tuple<std::string, int64_t, std::vector<double>>>{
           {"zero", 1, {0, 1, 2, 3, 0, 5, 6, 7}}, {"clamp", -2, {3, 4, 4, 4, 7, 8, 8, 8}}}) {
    ModelBuilder m = ShiftModel();
    SetString(*m.graph().mutable_node(0), "mode", mode);
    SetInt(*m.graph().mutable_node(0), "by", by);
    const auto graph = ImportOnnx(m.Bytes(), Operators(kShift));
    ASSERT_TRUE(graph.ok()) << graph.status();
    const auto evaluated = EvaluateGraph(*graph, {{"x", x}});
    ASSERT_TRUE(evaluated.ok()) << evaluated.status();
    EXPECT_EQ(Values((*evaluated)[0]), expected);
    EXPECT_EQ(Values(RunCompiled(*graph, {{"x", x}})[0]), expected);
  }
}

TEST(Plugin, ADefinitionIsFusedWithItsNeighbours) {
  ModelBuilder m = ShiftModel();
  m.Node("Relu", {"y"}, {"z"});
  m.graph().mutable_output(0)->set_name("z");
  const auto graph = ImportOnnx(m.Bytes(), Operators(kShift));
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(CountKernels(*graph), 1u);
}

// `template nest` makes the node a workload of its own, which computes the same.
TEST(Plugin, WithATemplateANodeIsAWorkload) {
  const std::string tuned =
      absl::StrReplaceAll(kShift, {{"  define:", "  template nest\n  define:"}});
  const auto graph = ImportOnnx(ShiftModel().Bytes(), Operators(tuned));
  ASSERT_TRUE(graph.ok()) << graph.status();
  ASSERT_TRUE(graph->nodes[0].workload.has_value());
  EXPECT_EQ(graph->nodes[0].workload->Key(),
            "nest(float32[2,4];,,)=com.example.Shift[2,4] "
            "select(i1 < 1, 0.0, a0[i0, i1 - 1])");
  const Tensor x({DType::kF32, {2, 4}}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  const std::vector<double> expected = {0, 1, 2, 3, 0, 5, 6, 7};
  EXPECT_EQ(Values((*EvaluateGraph(*graph, {{"x", x}}))[0]), expected);
  EXPECT_EQ(Values(RunCompiled(*graph, {{"x", x}})[0]), expected);
}

TEST(Plugin, ATemplateThatDoesNotFitIsNamed) {
  EXPECT_THAT(ImportError({{"  define:", "  template nest\n  define:"},
                           {kStore, "if w < 2:\n          y[n, w] = x[n, w]"}}),
              HasSubstr("template nest needs a definition that is loops over"));
  EXPECT_THAT(ParseError("operator a.B:\n  template tiles\n"),
              HasSubstr("shift.txt:2: unknown template tiles (nest)"));
  EXPECT_THAT(ParseError("operator a.B:\n  template nest\n  template nest\n"),
              HasSubstr("shift.txt:3: an operator has one template"));
}

// Running sums, which no single store describes: run in order, the rest of the output being zero.
TEST(Plugin, AProgramIsRunInOrderAsItIsWritten) {
  constexpr char kSums[] = R"(operator com.example.Shift:
  input x: float32[N, W]
  output y: float32[N, W]
  define:
    for n in 0..N:
      alloc sum: stack float32[1]
      sum[0] = 0.0
      for w in 0..W - 1:
        sum[0] = sum[0] + x[n, w]
        y[n, w] = sum[0]
)";
  const Tensor x({DType::kF32, {2, 4}}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  const auto graph = ImportOnnx(ShiftModel().Bytes(), Operators(kSums));
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(Values(RunCompiled(*graph, {{"x", x}})[0]),
            (std::vector<double>{1, 3, 6, 0, 5, 11, 18, 0}));
}

// What a condition says of an element is forgotten when the element is written.
TEST(Plugin, AConditionIsAskedAgainAfterAStore) {
  constexpr char kAgain[] = R"(operator com.example.Shift:
  input x: float32[N, W]
  output y: float32[N, W]
  define:
    for n in 0..N:
      for w in 0..W:
        alloc at: stack int64[1]
        at[0] = min(max(cast(x[n, w], int64), 0), 8)
        if at[0] < 3:
          at[0] = at[0] + 3
          if at[0] < 3:
            y[n, w] = 1.0
          else:
            y[n, w] = 2.0
)";
  const Tensor x({DType::kF32, {2, 4}}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  const auto graph = ImportOnnx(ShiftModel().Bytes(), Operators(kAgain));
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(Values(RunCompiled(*graph, {{"x", x}})[0]),
            (std::vector<double>{2, 2, 0, 0, 0, 0, 0, 0}));
}

// The example of examples/operators against ONNX's operator of the same meaning.
TEST(Plugin, TheGridSampleExampleIsGridSample) {
  std::ifstream file(TILEWRIGHT_SOURCE_DIR "/examples/operators/grid_sample.txt");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  constexpr uint64_t kSeed = 31;
  Rng rng(kSeed);
  Tensors inputs = {{"image", Tensor({DType::kF32, {2, 3, 5, 4}})},
                    {"grid", Tensor({DType::kF32, {2, 3, 6, 2}})}};
  for (auto& [name, tensor] : inputs) {
    for (int64_t i = 0; i < tensor.size(); ++i) {
      tensor.Set(i, static_cast<double>(rng.Below(2401)) / 1000 - 1.2);
    }
  }
  for (const char* mode : {"bilinear", "nearest"}) {
    for (const char* padding : {"zeros", "border"}) {
      for (int64_t align : {0, 1}) {
        ModelBuilder m(16);
        m.Input("image", {2, 3, 5, 4});
        m.Input("grid", {2, 3, 6, 2});
        for (const char* output : {"own", "onnx"}) {
          onnx::NodeProto& node = m.Node("GridSample", {"image", "grid"}, {output});
          const bool own = output == std::string("own");
          if (own) node.set_domain("com.example");
          SetString(node, own ? "interpolation" : "mode", mode);
          SetString(node, "padding_mode", padding);
          SetInt(node, "align_corners", align);
          m.Output(output);
        }
        SCOPED_TRACE(absl::StrCat(mode, ", ", padding, ", ", align, ", seed ", kSeed));
        const auto graph = ImportOnnx(m.Bytes(), Operators(text));
        ASSERT_TRUE(graph.ok()) << graph.status();
        const auto outputs = RunCompiled(*graph, inputs);
        ASSERT_EQ(outputs.size(), 2u);
        ExpectSame(outputs[0], outputs[1], 1e-4);
      }
    }
  }
}

TEST(PluginFile, WhatIsWrongIsNamedWithItsLine) {
  EXPECT_EQ(ParseError(""), "shift.txt: defines no operator");
  EXPECT_THAT(ParseError("input x: float32[N]\n"), HasSubstr("shift.txt:1: expected `operator"));
  EXPECT_THAT(ParseError("operator Shift:\n"),
              HasSubstr("shift.txt:1: an operator needs a domain"));
  EXPECT_THAT(ParseError("operator a.B:\n"), HasSubstr("operator a.B lacks inputs"));
  EXPECT_THAT(
      ParseError("operator a.B:\n  tensor x\n"),
      AllOf(HasSubstr("shift.txt:2: unknown word tensor"), HasSubstr("template or define")));
  EXPECT_THAT(ParseError("operator a.B:\n  attribute m: text\n"),
              HasSubstr("unknown kind of attribute text (int, float, bool or string)"));
  EXPECT_THAT(ParseError("operator a.B:\n  attribute m: int = many\n"),
              HasSubstr("\"many\" is no value of the attribute's kind"));
  EXPECT_THAT(ParseError("operator a.B:\n  attribute m: string = \"x\" in \"y\"\n"),
              HasSubstr("the default of m is not among its values"));
  EXPECT_THAT(ParseError("operator a.B:\n  input x: T[N]\n"), HasSubstr("declare it by `type T"));
  EXPECT_THAT(ParseError("operator a.B:\n  type T: float33\n"),
              HasSubstr("unknown type float33; known: float32"));
  EXPECT_THAT(ParseError("operator a.B:\n  input x: int8[N]\n  input x: int8[N]\n"),
              HasSubstr("shift.txt:3: two things are named x"));
  EXPECT_THAT(ParseError("operator a.B:\n  attribute m: string = \"x\n"),
              HasSubstr("a string does not end"));
  EXPECT_THAT(ParseError(std::string(2 << 20, ' ')), HasSubstr("larger than 1 MiB"));
}

TEST(PluginFile, ItsTruncationsAreRefusedOrSmaller) {
  const std::string whole = kShift;
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto operators = ParsePluginOperators(whole.substr(0, size), "shift.txt");
    if (!operators.ok()) continue;
    // It may be a shorter definition; then the importer says what is wrong with it, or takes it.
    ImportOnnx(ShiftModel().Bytes(), {.operators = *operators}).IgnoreError();
  }
}

TEST(PluginDefinition, AnIndexThatMayBeOutsideIsRefused) {
  EXPECT_THAT(ImportError({{kStore, "y[n, w] = x[n, w + by]"}}),
              AllOf(HasSubstr("shift.txt, "), HasSubstr("outside 0..3")));
  EXPECT_THAT(ImportError({{kStore, "y[n, w] = x[n, cast(x[n, w], int64)]"}}),
              HasSubstr("is not provably inside 0..3: limit it by min and max"));
}

TEST(PluginDefinition, AnUnboundedLoopIsRefused) {
  EXPECT_THAT(ImportError({{"for w in 0..W:", "for w in 0..cast(x[n, 0], int64):"}}),
              HasSubstr("not provably bounded"));
  EXPECT_THAT(ImportError({{"for w in 0..W:", "for w in 0..4000000000000000:"},
                           {kStore, "y[n, 0] = x[n, 0]"}}),
              HasSubstr("more than 2^44 steps"));
}

TEST(PluginDefinition, ADivisorThatMayBeZeroIsRefused) {
  EXPECT_THAT(ImportError({{kStore, "y[n, w] = x[n, w / by]"}, {"by: int = 1", "by: int = 0"}}),
              HasSubstr("is not provably positive"));
}

TEST(PluginDefinition, WhatDoesNotParseIsNamedWithTheFilesLine) {
  EXPECT_THAT(ImportError({{kStore, "y[n, w] = z[n, w]"}}),
              HasSubstr("shift.txt, line 16, column 19: unknown buffer"));
  EXPECT_THAT(ImportError({{kStore, "y[n, w] = mode"}}),
              HasSubstr("the string attribute mode may only be compared"));
  EXPECT_THAT(ImportError({{kStore, "y[n, w] = x[n, at(w, w)]"}}),
              HasSubstr("at takes 1 arguments, found 2"));
  EXPECT_THAT(ImportError({{kStore, "x[n, w] = x[n, w]"}}), HasSubstr("store to an input"));
  EXPECT_THAT(ImportError({{"for n in", "parallel n in"}}), HasSubstr("loops by `for`"));
}

TEST(PluginDefinition, LetsThatDoubleEachOtherAreBounded) {
  std::string lets;
  for (int i = 1; i < 60; ++i) {
    const std::string twice = absl::StrCat("a", i - 1, " + a", i - 1);
    absl::StrAppend(&lets, "  let a", i, " = ", i == 1 ? "1" : twice, "\n");
  }
  EXPECT_THAT(ImportError({{"  define:", lets + "  define:"}, {kStore, "y[n, a59] = x[n, w]"}}),
              HasSubstr("expands to more than 1 MiB"));
}

TEST(PluginDefinition, AWrongShapeRuleIsRefused) {
  EXPECT_THAT(ImportError({{"output y: T[N, W]", "output y: T[N, W - 4]"}}),
              HasSubstr("has no elements"));
  EXPECT_THAT(ImportError({{"output y: T[N, W]", "output y: T[N, V]"}}),
              HasSubstr("the output's dimension V is no integer"));
  EXPECT_THAT(ImportError({{"output y: T[N, W]", "output y: T[N, W - 1]"}}),
              HasSubstr("outside 0..2"));
}

TEST(PluginNode, WhatDoesNotFitIsNamed) {
  const auto error = [](const ModelBuilder& m) {
    return std::string(ImportOnnx(m.Bytes(), Operators(kShift)).status().message());
  };
  EXPECT_THAT(error(ShiftModel({4})), AllOf(HasSubstr("(Shift)"), HasSubstr("wants [N, W]")));
  EXPECT_THAT(error(ShiftModel({2, 4}, onnx::TensorProto::INT8)),
              HasSubstr("input x is int8 where shift.txt wants float32 or float64 or int32"));
  ModelBuilder m = ShiftModel();
  SetString(*m.graph().mutable_node(0), "mode", "wrap");
  EXPECT_THAT(error(m), HasSubstr("attribute mode is \"wrap\"; shift.txt allows zero, clamp"));
  m = ShiftModel();
  SetInt(*m.graph().mutable_node(0), "speed", 1);
  EXPECT_THAT(error(m), HasSubstr("has the attribute speed, which shift.txt does not declare"));
  m = ShiftModel();
  SetString(*m.graph().mutable_node(0), "by", "one");
  EXPECT_THAT(error(m), HasSubstr("attribute by is of type STRING, not INT"));
  m = ShiftModel();
  m.graph().mutable_node(0)->add_input("x");
  EXPECT_THAT(error(m), HasSubstr("has 2 inputs where shift.txt declares 1"));
}

TEST(PluginNode, WithoutTheFileTheMessageSaysThatThereMayBeOne) {
  EXPECT_THAT(std::string(ImportOnnx(ShiftModel().Bytes(), {}).status().message()),
              AllOf(HasSubstr("operator Shift of domain com.example is not supported"),
                    HasSubstr("--operators FILE")));
}

}  // namespace
}  // namespace tilewright
