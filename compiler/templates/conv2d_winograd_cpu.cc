// Winograd's convolution F(m x m, 3 x 3) over channel-blocked tensors: tiles of the input and the
// weights are transformed, multiplied as (m + 2)^2 matrix products over the input channels, and
// transformed back with the epilogue. 2.25 (m = 2), 4 (m = 4) or 5.06 (m = 6) times fewer products
// than direct summation; the weights are transformed at compile time.
//
// Order "px" is one program: each piece of tiles is transformed into scratch that stays in the
// cache and is multiplied with all weights. Order "oc" is two: all tiles are transformed, then each
// group of output channels reads its weights once.
//
// Knobs: tile_m, tile_oc (channel blocks in registers), tile_p (tiles in registers), pieces (of
// tile_p tiles in the scratch), unroll_ic, order.
//
// Rounding: with points of size up to 2 the transforms grow the error of a float32 sum. The largest
// error relative to the largest output is at most 1e-5 (m = 2), 5e-5 (m = 4) or 2e-4 (m = 6), held
// against float64 by tests/templates/winograd_accuracy_test.cc, which measures a third of it at
// most. bfloat16 is transformed in float32 and rounded once more before it is multiplied, two at a
// time: at most 1e-2 with m = 2, the only one (m = 4: 7e-2). uint8 by int8 is exact
// (support/winograd_stages.h), with m = 2 and 4, at 16 bits a product, two at a time.
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "compiler/core/layout.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/support/winograd_choice.h"
#include "compiler/templates/support/winograd_stages.h"
#include "compiler/templates/support/winograd_transforms.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

class Conv2dWinograd final : public Template {
 public:
  std::string_view Summary() const override {
    return "Winograd convolution 3x3, NCHW[x]c, tiles of 2, 4 or 6 pixels";
  }

  bool Exact(const Workload& w) const override { return IsInteger(w.inputs[0].dtype); }
  double Tolerance(const Workload& w, const Config& config) const override {
    if (IsInteger(w.inputs[0].dtype)) return 0;
    if (w.inputs[0].dtype == DType::kBF16) return 1e-2;
    switch (config.Int("tile_m")) {
      case 2: return 1e-5;
      case 4: return 5e-5;
      default: return 2e-4;
    }
  }

  bool Matches(const Workload& w, const Target& target) const override {
    if (target.kind != "cpu" || w.op != "conv2d" || !WinogradArithmeticOf(w, target)) return false;
    const Shape& weight = w.inputs[1].shape;
    const bool plain = w.Attr("groups")[0] == 1 && w.Attr("strides") == Shape{1, 1} &&
                       w.Attr("dilation") == Shape{1, 1};
    if (!plain || weight[2] != 3 || weight[3] != 3) return false;
    const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
    const Layout weights = Layout::Parse(w.weight_layout).value();
    return lanes > 1 && Layout::Parse(w.data_layout).value().BlockOf('C') == lanes &&
           weights.BlockOf('O') == lanes && weights.BlockOf('I') == lanes;
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const WinogradShape small = WinogradShapeOf(w, target, 2, 1);
    ConfigSpace space;
    DefineIntKnob(space, "tile_m", WinogradTileSizes(w));
    space.DefineSplit("tile_oc", small.out_blocks, {.candidates = Divisors(small.out_blocks, 4)});
    space.DefineSplit("tile_p", small.tiles(), {.candidates = TileWidths(small.tiles())});
    DefineIntKnob(space, "pieces", {1, 2, 3, 4, 6, 8, 16});
    DefineIntKnob(space, "unroll_ic", Divisors(small.words(), 8));
    space.DefineKnob("order", {std::string("px"), std::string("oc")});
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers);
    space.AddConstraint(
        "at most as many accumulators as registers allow",
        [most](const Config& config) { return HasAccumulators(WinogradTileOf(config), most); });
    space.AddConstraint("at most 350 multiply-adds in the unrolled body",
                        [](const Config& config) { return FitsBody(WinogradTileOf(config)); });
    space.AddConstraint("at most 400 KiB of scratch a piece", [w, target](const Config& config) {
      return FitsScratch(WinogradChoiceOf(w, target, config));
    });
    space.AddConstraint("no piece larger than the image", [w, target](const Config& config) {
      return FitsImage(WinogradChoiceOf(w, target, config));
    });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    return ConfigOf(ChooseWinogradDefault(w, target).choice);
  }

  double Cost(const Workload& w, const Target& target) const override {
    return ChooseWinogradDefault(w, target).cost;
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& given) const override {
    TW_ASSIGN_OR_RETURN(const Config config, Space(w, target).Canonical(given));
    const WinogradChoice choice = WinogradChoiceOf(w, target, config);
    return choice.by_channel ? LowerByChannel(w, choice) : LowerByPiece(w, choice);
  }

 private:
  static LoweredTask LowerByPiece(const Workload& w, const WinogradChoice& choice);
  static LoweredTask LowerByChannel(const Workload& w, const WinogradChoice& choice);
};

// Operands: data, weight, epilogue inputs, output, then the transformed weights.
struct Operands {
  Buffer data, weights;
  PieceBuffer input;  // transformed
  Compute epilogue;
  std::vector<int> extras;  // operand numbers of the epilogue's inputs
  int out, transformed;
};

Operands OperandsOf(const Workload& w, const WinogradShape& s) {
  const TensorType type = TransformedWeights(s);
  Operands o{
      .data = MakeBuffer("data", s.types.data, {s.batch, s.in_blocks, s.height, s.width, s.lanes}),
      .weights = MakeBuffer("transformed", type.dtype, type.shape),
      .epilogue = WinogradEpilogue(w, s)};
  const int extras = static_cast<int>(o.epilogue.inputs.size());
  for (int i = 0; i < extras; ++i) o.extras.push_back(2 + i);
  o.out = 2 + extras;
  o.transformed = o.out + 1;
  return o;
}

// A program that writes the task's output: `first` and its operands, then the epilogue's.
LoweredStep OutputStep(const Operands& o, std::vector<Buffer> first, std::vector<int> numbers,
                       Stmt body) {
  const std::vector<Buffer>& extras = o.epilogue.inputs;
  first.insert(first.end(), extras.begin(), extras.end());
  first.push_back(o.epilogue.output);
  numbers.insert(numbers.end(), o.extras.begin(), o.extras.end());
  numbers.push_back(o.out);
  return {{.name = "winograd", .params = std::move(first), .body = std::move(body)},
          std::move(numbers)};
}

LoweredStep WeightStep(const Operands& o, const WinogradShape& s) {
  return {TransformWeights(s), {1, o.transformed}};
}

// All pieces and all groups of output channels of one nest.
Stmt MultiplyAndTransform(const WinogradChoice& choice, const Operands& o, const Expr& piece,
                          const Expr& group) {
  const WinogradShape& s = choice.shape;
  const Buffer products =
      MakeBuffer("products", s.types.output(), ProductsOfPiece(s, choice.tile), Scope::kStack);
  const Expr first = group * choice.tile.blocks, chunk = Var("chunk");
  const auto multiply = [&](const Expr& c) {
    return MultiplyPiece(s, choice.tile, {o.weights, o.input, first, c}, products);
  };
  const auto output = [&](const Buffer& sums) {
    return TransformOutput(s, choice.tile, {products, sums, piece, first}, o.epilogue);
  };
  if (s.chunks() == 1) return Alloc(products, Seq({multiply(Int(0)), output(nullptr)}));
  const Buffer sums =
      MakeBuffer("sums", s.types.output(), SumsOfPiece(s, choice.tile), Scope::kStack);
  const Stmt add =
      If(Lt(chunk, Int(s.chunks() - 1)), AddOutput(s, choice.tile, products, sums), output(sums));
  return Alloc(
      products,
      Alloc(sums, Seq({ClearSums(s, choice.tile, sums),
                       For(chunk, s.chunks(), LoopKind::kSerial, Seq({multiply(chunk), add}))})));
}

// `body` for all of two variables, as one loop over threads.
Stmt InParallel(const Axis& outer, const Axis& inner, Stmt body) {
  const Expr both = Var("q");
  body = Let(inner.var, FloorMod(both, inner.extent), std::move(body));
  body = Let(outer.var, FloorDiv(both, inner.extent), std::move(body));
  return For(both, outer.extent * inner.extent, LoopKind::kParallel, std::move(body));
}

LoweredTask Conv2dWinograd::LowerByPiece(const Workload& w, const WinogradChoice& choice) {
  const WinogradShape& s = choice.shape;
  Operands o = OperandsOf(w, s);
  const Buffer local = MakeBuffer("piece", s.types.transformed, TransformedPiece(s), Scope::kStack);
  const Expr piece = Var("pc"), block = Var("ic"), group = Var("oc");
  o.input = {local, {}};
  const Stmt transform = For(block, s.in_blocks, LoopKind::kSerial,
                             TransformInput(s, o.data, {piece, block}, o.input));
  const Stmt groups =
      For(group, Groups(choice), LoopKind::kSerial, MultiplyAndTransform(choice, o, piece, group));
  const Stmt body =
      For(piece, s.pieces(), LoopKind::kParallel, Alloc(local, Seq({transform, groups})));
  return {.buffers = {TransformedWeights(s)},
          .prepare = {WeightStep(o, s)},
          .steps = {OutputStep(o, {o.data, o.weights}, {0, o.transformed}, body)}};
}

LoweredTask Conv2dWinograd::LowerByChannel(const Workload& w, const WinogradChoice& choice) {
  const WinogradShape& s = choice.shape;
  Operands o = OperandsOf(w, s);
  std::vector<int64_t> shape = TransformedPiece(s);
  shape.insert(shape.begin(), s.pieces());
  const Buffer pieces = MakeBuffer("pieces", s.types.transformed, shape);
  const int scratch = o.transformed + 1;
  const Expr piece = Var("pc"), block = Var("ic"), group = Var("oc");
  o.input = {pieces, {piece}};
  // Channels are split over threads too: a small image is one piece.
  LoweredStep first{{.name = "winograd_input",
                     .params = {o.data, pieces},
                     .body = InParallel({piece, s.pieces()}, {block, s.in_blocks},
                                        TransformInput(s, o.data, {piece, block}, o.input))},
                    {0, scratch}};
  Stmt body = InParallel({group, Groups(choice)}, {piece, s.pieces()},
                         MultiplyAndTransform(choice, o, piece, group));
  return {.buffers = {TransformedWeights(s), {s.types.transformed, shape}},
          .prepare = {WeightStep(o, s)},
          .steps = {std::move(first),
                    OutputStep(o, {o.weights, pieces}, {o.transformed, scratch}, std::move(body))}};
}

}  // namespace

const Template& conv2d_winograd_cpu() {
  static const Conv2dWinograd instance;
  return instance;
}

}  // namespace tilewright
