#include "compiler/graph/layout_change.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

constexpr size_t kChannel = 1;

bool IsBlocked(const std::string& layout) {
  return !layout.empty() && layout.find_first_of("0123456789") != std::string::npos;
}

Compute MakePack(const TensorType& plain, int64_t block) {
  Compute compute{.name = "pack"};
  compute.inputs = {MakeBuffer("in0", plain.dtype, plain.shape)};
  compute.output = MakeBuffer("out", plain.dtype, BlockedShape(plain.shape, block));
  compute.axes = MakeAxes(compute.output->shape, "a");
  std::vector<Expr> position = Vars(compute.axes);
  const Expr inner = position.back();
  position.pop_back();
  position[kChannel] = position[kChannel] * block + inner;
  compute.body = Select(Lt(position[kChannel], Int(plain.shape[kChannel])),
                        Load(compute.inputs[0], position), Const(0, plain.dtype));
  return RewriteAll(compute, [](const Expr& e) { return e; });
}

Compute MakeUnpack(const TensorType& blocked, const TensorType& plain) {
  Compute compute{.name = "unpack"};
  compute.inputs = {MakeBuffer("in0", blocked.dtype, blocked.shape)};
  compute.output = MakeBuffer("out", plain.dtype, plain.shape);
  compute.axes = MakeAxes(plain.shape, "a");
  const int64_t block = blocked.shape.back();
  std::vector<Expr> position = Vars(compute.axes);
  position.push_back(FloorMod(position[kChannel], block));
  position[kChannel] = FloorDiv(position[kChannel], block);
  compute.body = Load(compute.inputs[0], position);
  return RewriteAll(compute, [](const Expr& e) { return e; });
}

}  // namespace

std::string ChannelLayoutName(size_t rank, int64_t block) {
  TW_CHECK(rank >= 2) << rank;
  static constexpr const char* kPlain[] = {"NC",     "NCW",     "NCHW",    "NCDHW",
                                           "NCABDE", "NCABDEF", "NCABDEFG"};
  const std::string plain = kPlain[rank - 2];
  return block == 1 ? plain : absl::StrCat(plain, block, "c");
}

Shape BlockedShape(const Shape& logical, int64_t block) {
  Shape shape = logical;
  shape[kChannel] = (shape[kChannel] + block - 1) / block;
  shape.push_back(block);
  return shape;
}

bool IsPack(const Node& node) { return IsBlocked(node.to_layout); }

bool IsUnpack(const Node& node) { return !node.to_layout.empty() && !IsBlocked(node.to_layout); }

bool HasPlainLayouts(const Workload& workload) {
  return !IsBlocked(workload.data_layout) && !IsBlocked(workload.weight_layout) &&
         !IsBlocked(workload.out_layout);
}

ValueId AppendPack(Graph& graph, ValueId value, int64_t block) {
  const Value from = graph.values[value];
  const std::string layout = ChannelLayoutName(from.type.shape.size(), block);
  const ValueId output = graph.AddNode(absl::StrCat(from.name, "_", layout), "to_" + layout,
                                       {value}, MakePack(from.type, block));
  graph.nodes.back().to_layout = layout;
  return output;
}

void AppendUnpack(Graph& graph, ValueId blocked, ValueId output) {
  const Value& to = graph.values[output];
  const std::string layout = ChannelLayoutName(to.type.shape.size(), 1);
  AppendNode(graph, {.name = absl::StrCat(to.name, "_", layout),
                     .op = "to_" + layout,
                     .inputs = {blocked},
                     .output = output,
                     .compute = MakeUnpack(graph.values[blocked].type, to.type),
                     .to_layout = layout});
}

}  // namespace tilewright
