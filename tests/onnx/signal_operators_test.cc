// Einsum, DFT, STFT and GridSample against their definitions, computed element by element.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>

#include "tests/onnx/by_definition.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

// ---- Einsum ----

// Every combination of the labels' values.
void ForEachIndex(const Shape& extents, const std::function<void(const Shape&)>& visit) {
  Shape at(extents.size(), 0);
  for (int64_t i = 0; i < NumElements(extents); ++i) {
    int64_t rest = i;
    for (size_t d = extents.size(); d-- > 0; rest /= extents[d]) at[d] = rest % extents[d];
    visit(at);
  }
}

struct EinsumCase {
  std::vector<std::string> terms;
  std::string output;
  std::map<char, int64_t> extents;

  std::string Equation() const {
    std::string text = terms[0];
    for (size_t i = 1; i < terms.size(); ++i) text += "," + terms[i];
    return text + "->" + output;
  }
  Shape ShapeOf(const std::string& term) const {
    Shape shape;
    for (char label : term) shape.push_back(extents.at(label));
    return shape;
  }
};

std::vector<double> EinsumReference(const EinsumCase& c, const std::vector<Tensor>& operands) {
  Shape extents;
  std::map<char, size_t> place;
  for (const auto& [label, extent] : c.extents) {
    place[label] = extents.size();
    extents.push_back(extent);
  }
  const auto offset = [&](const std::string& term, const Shape& at) {
    int64_t linear = 0;
    for (char label : term) linear = linear * c.extents.at(label) + at[place.at(label)];
    return linear;
  };
  std::vector<double> out(static_cast<size_t>(NumElements(c.ShapeOf(c.output))));
  ForEachIndex(extents, [&](const Shape& at) {
    double product = 1;
    for (size_t i = 0; i < operands.size(); ++i) {
      product *= operands[i].AsDouble(offset(c.terms[i], at));
    }
    out[static_cast<size_t>(offset(c.output, at))] += product;
  });
  return out;
}

EinsumCase RandomEinsum(Rng& rng) {
  EinsumCase c;
  std::string used;
  const size_t count = rng.Below(3) + 1;
  for (size_t i = 0; i < count; ++i) {
    std::string& term = c.terms.emplace_back();
    for (size_t d = rng.Below(4); d-- > 0;) {
      const char label = "abcde"[rng.Below(5)];
      term += label;
      if (used.find(label) == std::string::npos) used += label;
      c.extents.emplace(label, static_cast<int64_t>(rng.Below(3)) + 1);
    }
  }
  for (char label : used) {
    if (rng.Below(2) == 0) c.output.insert(rng.Below(c.output.size() + 1), 1, label);
  }
  return c;
}

ModelBuilder EinsumModel(const std::string& equation, const std::vector<Shape>& shapes) {
  ModelBuilder m;
  std::vector<std::string> names;
  for (size_t i = 0; i < shapes.size(); ++i) {
    names.push_back("x" + std::to_string(i));
    m.Input(names[i], shapes[i]);
  }
  SetString(m.Node("Einsum", names, {"y"}), "equation", equation);
  m.Output("y");
  return m;
}

TEST(Einsum, RandomEquationsSumWhatTheySay) {
  constexpr uint64_t kSeed = 11;
  Rng rng(kSeed);
  for (int i = 0; i < 200; ++i) {
    const EinsumCase c = RandomEinsum(rng);
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << ", case " << i << ": " << c.Equation());
    std::vector<Shape> shapes;
    std::vector<Tensor> operands;
    Tensors inputs;
    for (const std::string& term : c.terms) {
      shapes.push_back(c.ShapeOf(term));
      operands.push_back(Random(rng, shapes.back()));
      inputs["x" + std::to_string(inputs.size())] = operands.back();
    }
    const auto outputs = Evaluate(EinsumModel(c.Equation(), shapes), inputs);
    ASSERT_EQ(outputs.size(), 1u);
    ASSERT_EQ(outputs[0].shape(), c.ShapeOf(c.output));
    ExpectNear(outputs[0], EinsumReference(c, operands), 1e-5);
    if (HasFatalFailure()) return;
  }
}

TEST(Einsum, AnEllipsisStandsForWhatIsLeftAndBroadcasts) {
  Rng rng(3);
  const Tensor x = Random(rng, {2, 3, 4, 5}), y = Random(rng, {1, 5, 6});
  const auto outputs =
      Evaluate(EinsumModel("...ij,...jk", {x.shape(), y.shape()}), {{"x0", x}, {"x1", y}});
  ASSERT_EQ(outputs.size(), 1u);
  ASSERT_EQ(outputs[0].shape(), (Shape{2, 3, 4, 6}));
  EinsumCase c{.terms = {"abij", "jk"},
               .output = "abik",
               .extents = {{'a', 2}, {'b', 3}, {'i', 4}, {'j', 5}, {'k', 6}}};
  ExpectNear(outputs[0], EinsumReference(c, {x, y}), 1e-5);
}

TEST(Einsum, AMatrixProductIsATunableTask) {
  const auto graph = ImportOnnx(EinsumModel("bij,bjk->bik", {{2, 8, 16}, {2, 16, 8}}).Bytes(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_TRUE(std::any_of(graph->nodes.begin(), graph->nodes.end(), [](const Node& node) {
    return node.workload && node.workload->op == "batch_matmul";
  }));
}

TEST(Einsum, WrongEquationsAreNamed) {
  EXPECT_THAT(Refusal(EinsumModel("ij,jk->ik", {{2, 3}})), HasSubstr("2 terms for 1 operands"));
  EXPECT_THAT(Refusal(EinsumModel("ij->ik", {{2, 3}})), HasSubstr("subscript of the output"));
  EXPECT_THAT(Refusal(EinsumModel("ijk->i", {{2, 3}})), HasSubstr("has 2 dimensions"));
  EXPECT_THAT(Refusal(EinsumModel("i1->i", {{2, 3}})), HasSubstr("letters"));
  EXPECT_THAT(Refusal(EinsumModel("ii->i", {{2, 3}})), HasSubstr("extents 2 and 3"));
}

// ---- DFT and STFT ----

using Complex = std::complex<double>;

// [rows, points, parts] -> [rows, bins, 2].
std::vector<double> DftReference(const Tensor& x, int64_t points, int64_t bins, bool inverse) {
  const int64_t rows = x.shape()[0], length = x.shape()[1], parts = x.shape()[2];
  std::vector<double> out;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t k = 0; k < bins; ++k) {
      Complex sum = 0;
      for (int64_t n = 0; n < std::min(points, length); ++n) {
        const int64_t at = (r * length + n) * parts;
        const Complex value(x.AsDouble(at), parts > 1 ? x.AsDouble(at + 1) : 0);
        const double turns = static_cast<double>(n * k % points) / static_cast<double>(points);
        sum += value * std::polar(1.0, (inverse ? 2 : -2) * M_PI * turns);
      }
      if (inverse) sum /= static_cast<double>(points);
      out.push_back(sum.real());
      out.push_back(sum.imag());
    }
  }
  return out;
}

TEST(Dft, LengthsOfAllKindsAreTransformed) {
  Rng rng(5);
  for (int64_t points : {1, 2, 7, 12, 100, 509, 600, 1024, 1155}) {
    for (int64_t parts : {1, 2}) {
      for (bool inverse : {false, true}) {
        SCOPED_TRACE(testing::Message() << points << " points, " << parts << " parts");
        ModelBuilder m(17);
        m.Input("x", {2, points, parts});
        onnx::NodeProto& node = m.Node("DFT", {"x"}, {"y"});
        SetInt(node, "inverse", inverse ? 1 : 0);
        m.Output("y");
        const Tensor x = Random(rng, {2, points, parts});
        const auto outputs = Evaluate(m, {{"x", x}});
        ASSERT_EQ(outputs.size(), 1u);
        ExpectNear(outputs[0], DftReference(x, points, points, inverse), inverse ? 1e-5 : 1e-3);
      }
    }
  }
}

TEST(Dft, ALengthCutsOrFillsAndHalfIsEnoughOfARealSignal) {
  Rng rng(6);
  for (int64_t points : {5, 8, 13}) {
    ModelBuilder m(20);
    m.Input("x", {2, 8, 1});
    onnx::TensorProto& length = m.Ints("length", {points});
    length.clear_dims();
    m.Ints("axis", {1}).clear_dims();
    SetInt(m.Node("DFT", {"x", "length", "axis"}, {"y"}), "onesided", 1);
    m.Output("y");
    const Tensor x = Random(rng, {2, 8, 1});
    const auto outputs = Evaluate(m, {{"x", x}});
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_EQ(outputs[0].shape(), (Shape{2, points / 2 + 1, 2}));
    ExpectNear(outputs[0], DftReference(x, points, points / 2 + 1, false), 1e-4);
  }
}

// Exporters leave out the last dimension of real signals.
class Stft : public testing::TestWithParam<Shape> {};

TEST_P(Stft, FramesAreWindowedAndTransformed) {
  Rng rng(8);
  const Tensor signal = Random(rng, GetParam()), window = Random(rng, {16});
  ModelBuilder m(17);
  m.Input("x", GetParam());
  m.Ints("step", {5}).clear_dims();
  m.Input("window", {16});
  m.Node("STFT", {"x", "step", "window"}, {"y"});
  m.Output("y");
  const auto outputs = RunBoth(m, {{"x", signal}, {"window", window}}, 1e-4);
  ASSERT_EQ(outputs.size(), 1u);
  ASSERT_EQ(outputs[0].shape(), (Shape{2, 11, 9, 2}));
  Tensor frames({DType::kF32, {22, 16, 1}});
  for (int64_t i = 0; i < frames.size(); ++i) {
    const int64_t frame = i / 16, n = i % 16;
    frames.Set(i, signal.AsDouble(frame / 11 * 70 + frame % 11 * 5 + n) * window.AsDouble(n));
  }
  ExpectNear(outputs[0], DftReference(frames, 16, 9, false), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Signals, Stft, testing::Values(Shape{2, 70, 1}, Shape{2, 70}));

// ---- GridSample ----

struct GridCase {
  std::string mode, padding;
  bool align_corners;
  Shape data, out;  // data: N, C, spatial...; out: spatial
};

// What is at an index that may lie outside; nullopt where it is zero.
std::optional<int64_t> Padded(const GridCase& c, int64_t i, int64_t extent) {
  if (c.padding == "zeros" && (i < 0 || i >= extent)) return std::nullopt;
  if (c.padding == "border") return std::clamp<int64_t>(i, 0, extent - 1);
  while (c.padding == "reflection" && (i < 0 || i >= extent)) {
    if (extent == 1) return 0;
    const int64_t edge = c.align_corners ? 0 : 1;
    i = i < 0 ? -i - edge : 2 * (extent - 1) - i + edge;
  }
  return i;
}

// Elements and weights along one dimension at a grid's component.
std::vector<std::pair<int64_t, double>> Taps(const GridCase& c, double g, int64_t extent) {
  const double n = static_cast<double>(extent);
  const double x = c.align_corners ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2;
  const auto base = static_cast<int64_t>(std::floor(x));
  const double f = x - std::floor(x);
  if (c.mode == "nearest") return {{static_cast<int64_t>(std::nearbyint(x)), 1}};
  if (c.mode == "linear") return {{base, 1 - f}, {base + 1, f}};
  const auto cubic = [](double d) {
    const double a = -0.75;
    d = std::abs(d);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  };
  return {{base - 1, cubic(f + 1)},
          {base, cubic(f)},
          {base + 1, cubic(f - 1)},
          {base + 2, cubic(f - 2)}};
}

// Of a plane of the data, at `point` of the grid.
double SampleAt(const GridCase& c, const Tensor& data, int64_t plane, const float* point) {
  const size_t dims = c.out.size();
  double sum = 0;
  const std::function<void(size_t, int64_t, double)> add = [&](size_t d, int64_t at, double w) {
    if (d == dims) {
      sum += w * data.AsDouble(at);
      return;
    }
    const double g = point[dims - 1 - d];
    for (const auto& [index, weight] : Taps(c, g, c.data[2 + d])) {
      const auto inside = Padded(c, index, c.data[2 + d]);
      if (inside) add(d + 1, at * c.data[2 + d] + *inside, w * weight);
    }
  };
  add(0, plane, 1);
  return sum;
}

ModelBuilder GridModel(const GridCase& c, const Shape& grid) {
  ModelBuilder m(20);
  m.Input("x", c.data);
  m.Input("grid", grid);
  onnx::NodeProto& node = m.Node("GridSample", {"x", "grid"}, {"y"});
  SetString(node, "mode", c.mode);
  SetString(node, "padding_mode", c.padding);
  SetInt(node, "align_corners", c.align_corners ? 1 : 0);
  m.Output("y");
  return m;
}

TEST(GridSample, AllModesReadAndWeighAsDefined) {
  Rng rng(9);
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* padding : {"zeros", "border", "reflection"}) {
      for (bool align : {false, true}) {
        for (const Shape& spatial : {Shape{5, 7}, Shape{1, 4}, Shape{3, 4, 2}}) {
          SCOPED_TRACE(testing::Message() << mode << " " << padding << " " << align);
          GridCase c{mode, padding, align, {2, 3}, Shape(spatial.size(), 3)};
          c.data.insert(c.data.end(), spatial.begin(), spatial.end());
          Shape grid_shape = {2};
          grid_shape.insert(grid_shape.end(), c.out.begin(), c.out.end());
          grid_shape.push_back(static_cast<int64_t>(spatial.size()));
          const Tensor x = Random(rng, c.data);
          Tensor grid = Random(rng, grid_shape);
          for (int64_t i = 0; i < grid.size(); ++i) grid.Set(i, 2.37 * grid.AsDouble(i));
          const auto outputs = Evaluate(GridModel(c, grid_shape), {{"x", x}, {"grid", grid}});
          ASSERT_EQ(outputs.size(), 1u);
          const int64_t points = NumElements(c.out);
          std::vector<double> expected;
          for (int64_t i = 0; i < outputs[0].size(); ++i) {
            const int64_t plane = i / points, point = plane / 3 * points + i % points;
            const float* at = grid.as<float>() + point * static_cast<int64_t>(c.out.size());
            expected.push_back(SampleAt(c, x, plane, at));
          }
          ExpectNear(outputs[0], expected, 2e-5);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(GridSample, GridsFarOutsideReadNothingThatIsNotThere) {
  const GridCase c{"linear", "zeros", false, {1, 1, 2, 2}, {1, 3}};
  Tensor x({DType::kF32, c.data}, std::vector<float>{1, 2, 3, 4});
  const float inf = std::numeric_limits<float>::infinity();
  Tensor grid({DType::kF32, {1, 1, 3, 2}}, std::vector<float>{1e30f, -1e30f, -inf, 0, 5, 5});
  const auto outputs = RunBoth(GridModel(c, grid.shape()), {{"x", x}, {"grid", grid}}, 1e-6);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_THAT(Values(outputs[0]), testing::ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace tilewright
