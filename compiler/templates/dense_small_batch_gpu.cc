// Dense layer of few rows on a GPU: a block an output element, whose threads share the reduction.
// AutoTVM's template of this name (apache/tvm v0.18, topi/gpu/dense.py). Neighbouring threads read
// neighbouring weights, but every row reads all weights again.
#include <memory>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/visit.h"
#include "compiler/operators/define.h"
#include "compiler/schedule/split_candidates.h"
#include "compiler/templates/support/gpu_conv.h"
#include "compiler/templates/support/space.h"

namespace tilewright {
namespace {

constexpr char kKnob[] = "tile_k";
constexpr int64_t kDefaultThreads = 64;  // of AutoTVM's fallback config
constexpr int64_t kFewRows = 32;         // below them AutoTVM takes this template without a log

// Sums the partial sums pairwise into part[0]; the threads meet after each step.
Stmt SumOf(const Buffer& part, const Expr& thread, int64_t threads) {
  std::vector<Stmt> steps = {Barrier()};
  for (int64_t width = threads; width > 1;) {
    const int64_t half = (width + 1) / 2;
    const Expr sum = Load(part, {thread}) + Load(part, {thread + half});
    steps.push_back(If(Lt(thread, Int(width - half)), Store(part, {thread}, sum)));
    steps.push_back(Barrier());
    width = half;
  }
  return Seq(std::move(steps));
}

Program Lowered(const Compute& compute, int64_t threads) {
  const Expr thread = Var("thread"), step = Var("step");
  const Axis &row = compute.axes[0], &column = compute.axes[1], &k = compute.reduce[0];
  const DType sums = compute.body->dtype;
  const Buffer acc = MakeBuffer("acc", sums, {1}, Scope::kRegister);
  const Buffer part = MakeBuffer("part", sums, {threads}, Scope::kShared);
  const Expr term = Substitute(compute.body, {{k.var.get(), step * threads + thread}});
  const Stmt own = For(step, k.extent / threads, LoopKind::kSerial,
                       Store(acc, {Int(0)}, Load(acc, {Int(0)}) + term));
  const Expr total = Load(part, {Int(0)});
  const Expr result =
      compute.result == nullptr ? total : Substitute(compute.result, {{compute.acc.get(), total}});
  const Stmt last = If(Lt(thread, Int(1)), Store(compute.output, {row.var, column.var}, result));
  Stmt inside = Alloc(
      acc, Seq({Store(acc, {Int(0)}, InitialValue(compute.reducer, sums)), own,
                Store(part, {thread}, Load(acc, {Int(0)})), SumOf(part, thread, threads), last}));
  inside = Alloc(part, For(thread, threads, ThreadAxis::kThreadX, std::move(inside)));
  Program program{.name = compute.name, .params = compute.inputs};
  program.params.push_back(compute.output);
  program.body = Simplify(For(row.var, row.extent, ThreadAxis::kBlockY,
                              For(column.var, column.extent, ThreadAxis::kBlockX, inside)));
  return program;
}

class DenseSmallBatch final : public Template {
 public:
  std::string_view Summary() const override {
    return "dense layer of few rows, a block's threads share the reduction (GPU)";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return IsGpu(target) && w.op == "dense" && IsPlain(w);
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    ConfigSpace space;
    space.DefineSplit(kKnob, w.inputs[0].shape[1], {.outputs = 2});
    const LaunchLimits limits = GpuTraitsOf(target).limits;
    space.AddConstraint("threads that the device allows", [limits](const Config& config) {
      const int64_t threads = config.Inner(kKnob);
      return threads <= limits.threads && threads <= limits.block[0];
    });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    const ConfigSpace space = Space(w, target);
    Config best = space.At(0);
    for (uint64_t index = 0; index < space.size(); ++index) {
      Config config = space.At(index);
      const int64_t threads = config.Inner(kKnob);
      if (threads > best.Inner(kKnob) && threads <= kDefaultThreads) best = std::move(config);
    }
    return best;
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& config) const override {
    TW_RETURN_IF_ERROR(CheckConfig(Space(w, target), config));
    Program program = Lowered(Define(w), config.Inner(kKnob));
    TW_RETURN_IF_ERROR(CheckLaunch(LaunchOf(program), GpuTraitsOf(target).limits));
    return SingleStep(std::move(program));
  }

  // AutoTVM's rule. OpenCL's devices are CPUs too, whose threads do not share a reduction well.
  double Cost(const Workload& w, const Target& target) const override {
    const bool few = target.kind == "cuda" && w.inputs[0].shape[0] < kFewRows;
    return Template::Cost(w, target) * (few ? 0.5 : 2);
  }
};

}  // namespace

const Template& dense_small_batch_gpu() {
  static const DenseSmallBatch instance;
  return instance;
}

}  // namespace tilewright
