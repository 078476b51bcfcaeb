// LSTM, GRU and RNN against their formulas as ONNX's documentation has them, computed in double.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "compiler/onnx/import.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/run_both.h"
#include "tests/onnx/tensors.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using Vector = std::vector<double>;

// A node with everything that it may be given.
struct Case {
  std::string op;
  int64_t length = 3, batch = 2, input = 3, hidden = 4, directions = 1;
  bool reverse = false, batch_first = false, bias = false, lengths = false, initial = false,
       peepholes = false, linear_before_reset = false, input_forget = false;
  double clip = 0;
  std::vector<std::string> activations;

  int64_t Gates() const { return op == "LSTM" ? 4 : op == "GRU" ? 3 : 1; }
  int64_t States() const { return op == "LSTM" ? 2 : 1; }
};

double Apply(const std::string& name, double x) {
  if (name == "Tanh") return std::tanh(x);
  if (name == "Sigmoid") return 1 / (1 + std::exp(-x));
  if (name == "Relu") return std::max(x, 0.0);
  if (name == "Softsign") return x / (1 + std::abs(x));
  if (name == "HardSigmoid") return std::clamp(0.2 * x + 0.5, 0.0, 1.0);
  ADD_FAILURE() << name;
  return 0;
}

Tensors RandomTensors(const Case& c, Rng& rng) {
  const int64_t rows = c.Gates() * c.hidden;
  const Shape state = c.batch_first ? Shape{c.batch, c.directions, c.hidden}
                                    : Shape{c.directions, c.batch, c.hidden};
  Tensors t;
  t["X"] = Random(
      rng, c.batch_first ? Shape{c.batch, c.length, c.input} : Shape{c.length, c.batch, c.input});
  t["W"] = Random(rng, {c.directions, rows, c.input});
  t["R"] = Random(rng, {c.directions, rows, c.hidden});
  if (c.bias) t["B"] = Random(rng, {c.directions, 2 * rows});
  if (c.initial) t["h"] = Random(rng, state);
  if (c.initial && c.op == "LSTM") t["c"] = Random(rng, state);
  if (c.peepholes) t["P"] = Random(rng, {c.directions, 3 * c.hidden});
  if (c.lengths) {
    Tensor lengths({DType::kI32, {c.batch}});
    for (int64_t b = 0; b < c.batch; ++b) {
      lengths.Set(b, static_cast<double>(rng.Below(static_cast<uint64_t>(c.length) + 1)));
    }
    t["n"] = lengths;
  }
  return t;
}

// Runs one direction of one batch entry. All indices are those of the tensors as ONNX lays them
// out.
class Reference {
 public:
  Reference(const Case& c, const Tensors& t, int64_t direction, int64_t entry)
      : c_(c), t_(t), d_(direction), b_(entry), backward_(c.reverse || direction == 1) {}

  // h of every position and the last states.
  void Run(std::vector<Vector>* sequence, std::vector<Vector>* last) {
    Vector h = Initial("h"), cell = Initial("c");
    sequence->assign(static_cast<size_t>(c_.length), Vector(Size(), 0));
    const int64_t length = c_.lengths ? t_.at("n").AsInt(b_) : c_.length;
    for (int64_t s = 0; s < length; ++s) {
      const int64_t at = backward_ ? length - 1 - s : s;
      Step(at, h, cell);
      (*sequence)[static_cast<size_t>(at)] = h;
    }
    *last = {h, cell};
  }

 private:
  size_t Size() const { return static_cast<size_t>(c_.hidden); }
  int64_t StateAt(int64_t j) const {
    return c_.batch_first ? (b_ * c_.directions + d_) * c_.hidden + j
                          : (d_ * c_.batch + b_) * c_.hidden + j;
  }
  Vector Initial(const std::string& name) const {
    Vector state(Size(), 0);
    if (!t_.contains(name)) return state;
    for (int64_t j = 0; j < c_.hidden; ++j) state[j] = t_.at(name).AsDouble(StateAt(j));
    return state;
  }
  double Bias(int64_t row, bool recurrent) const {
    const int64_t rows = c_.Gates() * c_.hidden;
    if (!c_.bias) return 0;
    return t_.at("B").AsDouble(d_ * 2 * rows + (recurrent ? rows : 0) + row);
  }
  // Row `j` of a gate: W x + its bias.
  double FromInput(int64_t gate, int64_t j, int64_t at) const {
    const int64_t row = gate * c_.hidden + j, rows = c_.Gates() * c_.hidden;
    const int64_t x = c_.batch_first ? b_ * c_.length + at : at * c_.batch + b_;
    double sum = Bias(row, false);
    for (int64_t i = 0; i < c_.input; ++i) {
      sum += t_.at("W").AsDouble((d_ * rows + row) * c_.input + i) *
             t_.at("X").AsDouble(x * c_.input + i);
    }
    return sum;
  }
  // R h + its bias.
  double FromState(int64_t gate, int64_t j, const Vector& h) const {
    const int64_t row = gate * c_.hidden + j, rows = c_.Gates() * c_.hidden;
    double sum = Bias(row, true);
    for (int64_t i = 0; i < c_.hidden; ++i) {
      sum += t_.at("R").AsDouble((d_ * rows + row) * c_.hidden + i) * h[i];
    }
    return sum;
  }
  double Peep(int64_t gate, int64_t j, double cell) const {
    return c_.peepholes ? t_.at("P").AsDouble((d_ * 3 + gate) * c_.hidden + j) * cell : 0;
  }
  double F(size_t which, double x, bool clipped = true) const {
    if (clipped && c_.clip > 0) x = std::clamp(x, -c_.clip, c_.clip);
    const size_t count = c_.op == "LSTM" ? 3 : c_.op == "GRU" ? 2 : 1;
    const std::vector<std::string> usual =
        c_.op == "RNN" ? std::vector<std::string>{"Tanh"}
                       : std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"};
    if (c_.activations.empty()) return Apply(usual[which], x);
    return Apply(c_.activations[static_cast<size_t>(d_) * count + which], x);
  }

  void Step(int64_t at, Vector& h, Vector& cell) const {
    if (c_.op == "LSTM") return LstmStep(at, h, cell);
    const Vector before = h;
    for (int64_t j = 0; j < c_.hidden; ++j) {
      h[j] = c_.op == "GRU" ? GruUnit(at, j, before)
                            : F(0, FromInput(0, j, at) + FromState(0, j, before));
    }
  }
  double Gate(int64_t gate, int64_t at, int64_t j, const Vector& h) const {
    return FromInput(gate, j, at) + FromState(gate, j, h);
  }
  double GruUnit(int64_t at, int64_t j, const Vector& h) const {
    const double z = F(0, Gate(0, at, j, h));
    double hidden = 0;
    if (c_.linear_before_reset) {
      hidden = FromInput(2, j, at) + F(0, Gate(1, at, j, h)) * FromState(2, j, h);
    } else {
      Vector reset(Size());
      for (int64_t k = 0; k < c_.hidden; ++k) reset[k] = F(0, Gate(1, at, k, h)) * h[k];
      hidden = FromInput(2, j, at) + FromState(2, j, reset);
    }
    return (1 - z) * F(1, hidden) + z * h[j];
  }
  void LstmStep(int64_t at, Vector& h, Vector& cell) const {
    const Vector before = h;
    for (int64_t j = 0; j < c_.hidden; ++j) {
      const double i = F(0, Gate(0, at, j, before) + Peep(0, j, cell[j]));
      const double f = c_.input_forget ? 1 - i : F(0, Gate(2, at, j, before) + Peep(2, j, cell[j]));
      cell[j] = f * cell[j] + i * F(1, Gate(3, at, j, before));
      const double o = F(0, Gate(1, at, j, before) + Peep(1, j, cell[j]));
      h[j] = o * F(2, cell[j], false);
    }
  }

  const Case& c_;
  const Tensors& t_;
  const int64_t d_, b_;
  const bool backward_;
};

// Y, Y_h and Y_c as the node lays them out.
std::vector<Vector> Expected(const Case& c, const Tensors& t) {
  std::vector<Vector> out = {Vector(c.length * c.directions * c.batch * c.hidden),
                             Vector(c.directions * c.batch * c.hidden),
                             Vector(c.directions * c.batch * c.hidden)};
  for (int64_t d = 0; d < c.directions; ++d) {
    for (int64_t b = 0; b < c.batch; ++b) {
      std::vector<Vector> sequence, last;
      Reference(c, t, d, b).Run(&sequence, &last);
      for (int64_t j = 0; j < c.hidden; ++j) {
        for (int64_t s = 0; s < c.length; ++s) {
          const int64_t at = c.batch_first ? (b * c.length + s) * c.directions + d
                                           : (s * c.directions + d) * c.batch + b;
          out[0][at * c.hidden + j] = sequence[s][j];
        }
        const int64_t at = c.batch_first ? b * c.directions + d : d * c.batch + b;
        for (size_t i = 0; i < 2; ++i) out[1 + i][at * c.hidden + j] = last[i][j];
      }
    }
  }
  out.resize(1 + static_cast<size_t>(c.States()));
  return out;
}

void AddWeight(ModelBuilder& m, const std::string& name, const Tensor& tensor) {
  onnx::TensorProto& weight = m.Floats(name, {});
  weight.clear_float_data();
  for (int64_t extent : tensor.shape()) weight.add_dims(extent);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    weight.add_float_data(static_cast<float>(tensor.AsDouble(i)));
  }
}

// X, the lengths and the states are inputs, the others weights.
ModelBuilder Model(const Case& c, const Tensors& t) {
  ModelBuilder m;
  const auto name = [&](const std::string& of) { return t.contains(of) ? of : std::string(); };
  for (const std::string of : {"X", "h", "c"}) {
    if (t.contains(of)) m.Input(of, t.at(of).shape());
  }
  if (t.contains("n")) m.Input("n", t.at("n").shape(), onnx::TensorProto::INT32);
  for (const std::string of : {"W", "R", "B", "P"}) {
    if (t.contains(of)) AddWeight(m, of, t.at(of));
  }
  std::vector<std::string> inputs = {"X", "W", "R", name("B"), name("n"), name("h")};
  std::vector<std::string> outputs = {"Y", "Y_h"};
  if (c.op == "LSTM") {
    inputs.insert(inputs.end(), {name("c"), name("P")});
    outputs.push_back("Y_c");
  }
  onnx::NodeProto& node = m.Node(c.op, inputs, outputs);
  SetInt(node, "hidden_size", c.hidden);
  SetString(node, "direction",
            c.directions == 2 ? "bidirectional"
            : c.reverse       ? "reverse"
                              : "forward");
  if (c.batch_first) SetInt(node, "layout", 1);
  if (c.clip > 0) SetFloat(node, "clip", static_cast<float>(c.clip));
  if (c.linear_before_reset) SetInt(node, "linear_before_reset", 1);
  if (c.input_forget) SetInt(node, "input_forget", 1);
  if (!c.activations.empty()) SetStrings(node, "activations", c.activations);
  for (const std::string& output : outputs) m.Output(output);
  return m;
}

void ExpectClose(const std::vector<Tensor>& found, const std::vector<Vector>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const std::vector<double> values = Values(found[i]);
    ASSERT_EQ(values.size(), expected[i].size());
    for (size_t k = 0; k < values.size(); ++k) {
      ASSERT_NEAR(values[k], expected[i][k], 5e-5) << "output " << i << ", element " << k;
    }
  }
}

Case RandomCase(Rng& rng) {
  const auto coin = [&] { return rng.Below(2) == 0; };
  const auto up_to = [&](uint64_t n) { return static_cast<int64_t>(rng.Below(n) + 1); };
  Case c{.op = std::vector<std::string>{"LSTM", "GRU", "RNN"}[rng.Below(3)],
         .length = up_to(5),
         .batch = up_to(3),
         .input = up_to(4),
         .hidden = up_to(5),
         .directions = up_to(2),
         .reverse = coin(),
         .batch_first = coin(),
         .bias = coin(),
         .lengths = coin(),
         .initial = coin()};
  if (c.directions == 2) c.reverse = false;
  if (c.op == "LSTM") c.peepholes = coin(), c.input_forget = coin();
  if (c.op == "GRU") c.linear_before_reset = coin();
  if (coin()) c.clip = 0.75;
  if (coin()) {
    const size_t count = (c.op == "LSTM" ? 3 : c.op == "GRU" ? 2 : 1) * c.directions;
    const std::vector<std::string> names = {"Tanh", "Sigmoid", "Relu", "Softsign", "HardSigmoid"};
    for (size_t i = 0; i < count; ++i) c.activations.push_back(names[rng.Below(names.size())]);
  }
  return c;
}

TEST(Recurrent, RandomNodesComputeWhatTheFormulasSay) {
  constexpr uint64_t kSeed = 20;
  Rng rng(kSeed);
  for (int i = 0; i < 150; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << ", case " << i);
    const Case c = RandomCase(rng);
    const Tensors t = RandomTensors(c, rng);
    const auto graph = ImportOnnx(Model(c, t).Bytes(), {});
    ASSERT_TRUE(graph.ok()) << graph.status();
    const auto outputs = EvaluateGraph(*graph, t);
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    ExpectClose(*outputs, Expected(c, t));
    if (HasFatalFailure()) return;
  }
}

TEST(Recurrent, CompiledNodesAgree) {
  Rng rng(7);
  for (const char* op : {"LSTM", "GRU", "RNN"}) {
    const Case c{.op = op,
                 .length = 9,
                 .batch = 3,
                 .input = 20,
                 .hidden = 37,
                 .directions = 2,
                 .bias = true,
                 .lengths = true,
                 .initial = true};
    const Tensors t = RandomTensors(c, rng);
    ExpectClose(RunBoth(Model(c, t), t, 5e-5), Expected(c, t));
  }
}

TEST(Recurrent, StepsShareTheirKernels) {
  Rng rng(7);
  const auto kernels = [&](int64_t length) {
    const Case c{.op = "LSTM", .length = length, .batch = 1, .input = 8, .hidden = 16};
    const auto graph = ImportOnnx(Model(c, RandomTensors(c, rng)).Bytes(), {});
    EXPECT_TRUE(graph.ok()) << graph.status();
    return CountKernels(*graph);
  };
  EXPECT_LE(kernels(128), kernels(32) + 2);
}

std::string Refusal(const Case& c, const Tensors& t) {
  const auto graph = ImportOnnx(Model(c, t).Bytes(), {});
  EXPECT_FALSE(graph.ok());
  return std::string(graph.status().message());
}

TEST(Recurrent, WhatDoesNotFitIsNamed) {
  Rng rng(1);
  Case c{.op = "GRU"};
  Tensors t = RandomTensors(c, rng);
  t["W"] = Random(rng, {1, 11, 3});
  EXPECT_THAT(Refusal(c, t), HasSubstr("W has shape [1,11,3] where [1,12,3] is needed"));
  t = RandomTensors(c, rng);
  c.activations = {"Tanh"};
  EXPECT_THAT(Refusal(c, t), HasSubstr("has 1 activations where 2 are needed"));
  c.activations = {"Tanh", "Snake"};
  EXPECT_THAT(Refusal(c, t), HasSubstr("activation Snake is not supported (have Affine"));
}

}  // namespace
}  // namespace tilewright
