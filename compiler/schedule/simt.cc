#include "compiler/schedule/simt.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/unroll.h"
#include "compiler/loop/visit.h"
#include "compiler/schedule/part_sums.h"
#include "compiler/schedule/simt_stage.h"

namespace tilewright {
namespace {

// Elements that a thread reads in an unrolled body: as many as a thread of NVIDIA's has registers.
// ptxas joins neighbouring loads and moves them ahead; of 259 random kernels of AutoTVM's tutorial
// all ten that spilled read 390 or more.
constexpr int64_t kMostReads = 255;

// A loop of the tile or of the reduction.
struct Part {
  Expr var;
  int64_t extent = 1;
};

class SimtLowerer {
 public:
  SimtLowerer(const Compute& compute, const SimtSchedule& schedule)
      : compute_(compute), schedule_(schedule) {
    TW_CHECK(schedule.axes.size() == compute.axes.size()) << compute.name;
    TW_CHECK(schedule.reduce.size() == compute.reduce.size()) << compute.name;
    TW_CHECK(compute.reducer == Reducer::kSum && compute.predicate == nullptr) << compute.name;
    TW_CHECK(!schedule.atomic || compute.result == nullptr) << compute.name;
    part_ = Coordinate(ThreadAxis::kBlockZ, schedule.split, "part");
    for (size_t i = 0; i < compute.axes.size(); ++i) CutAxis(i);
    for (size_t i = 0; i < compute.reduce.size(); ++i) CutReduction(i);
    BindCoordinates();
    if (!LastBlockAdds()) return;
    parts_ = PartSums(compute, compute.body->dtype, schedule.split);
    parts_.SetBlocks(part_, tile_number_, tiles_);
  }

  Program Lower() {
    Program program{.name = compute_.name, .params = compute_.inputs};
    if (LastBlockAdds()) parts_.AddTo(&program);
    program.params.push_back(compute_.output);
    const Expr body = Staged(Resolve(compute_.body));
    Stmt inside = Threads(body);
    for (ThreadAxis axis : {ThreadAxis::kThreadX, ThreadAxis::kThreadY, ThreadAxis::kThreadZ}) {
      inside = BoundLoop(axis, std::move(inside));
    }
    for (const StagedInput& stage : stages_) inside = Alloc(stage.shared, std::move(inside));
    for (ThreadAxis axis : {ThreadAxis::kBlockX, ThreadAxis::kBlockY, ThreadAxis::kBlockZ}) {
      inside = BoundLoop(axis, std::move(inside));
    }
    program.body = Simplify(inside);
    return schedule_.unroll_now ? UnrollLoops(program) : program;
  }

 private:
  bool LastBlockAdds() const { return schedule_.split > 1 && !schedule_.atomic; }

  void CutAxis(size_t i) {
    const Axis& axis = compute_.axes[i];
    const SimtAxis& cut = schedule_.axes[i];
    const int64_t tile = cut.vthreads * cut.threads * cut.inner;
    TW_CHECK(axis.extent % tile == 0) << axis.var->name << " of " << axis.extent << " by " << tile;
    const std::string& name = axis.var->name;
    const Expr block = Coordinate(cut.block, axis.extent / tile, name + "_b");
    tiles_ *= axis.extent / tile;
    tile_number_ = tile_number_ * (axis.extent / tile) + block;
    const Expr thread = Coordinate(cut.thread, cut.threads, name + "_t");
    const auto part = [](std::string part_name, int64_t extent) {
      return Part{extent == 1 ? Int(0) : Var(std::move(part_name)), extent};
    };
    const Part vthread = part(name + "_v", cut.vthreads), inner = part(name + "_i", cut.inner);
    definitions_[axis.var.get()] =
        ((block * cut.vthreads + vthread.var) * cut.threads + thread) * cut.inner + inner.var;
    if (cut.vthreads > 1) tile_.push_back(vthread);
    if (cut.inner > 1) tile_.push_back(inner);
    region_.push_back({thread, cut.threads});
    region_.push_back({vthread.var, cut.vthreads});
    region_.push_back({inner.var, cut.inner});
  }

  void CutReduction(size_t i) {
    const Axis& axis = compute_.reduce[i];
    const std::vector<int64_t>& parts = schedule_.reduce[i];
    if (steps_.empty()) steps_.resize(parts.size());
    TW_CHECK(parts.size() == steps_.size()) << axis.var->name;
    Expr value = i == 0 ? part_ : Int(0);
    int64_t product = i == 0 ? schedule_.split : 1;
    for (size_t level = 0; level < parts.size(); ++level) {
      const Part part{Var(absl::StrCat(axis.var->name, "_", level)), parts[level]};
      value = value * part.extent + part.var;
      product *= part.extent;
      steps_[level].push_back(part);
      if (level > 0) region_.push_back(part);
    }
    TW_CHECK(product == axis.extent) << axis.var->name << " of " << axis.extent;
    definitions_[axis.var.get()] = value;
  }

  // A variable that will be part of a coordinate.
  Expr Coordinate(ThreadAxis axis, int64_t extent, const std::string& name) {
    if (extent == 1) return Int(0);
    TW_CHECK(axis != ThreadAxis::kNone) << name << " of " << extent << " is bound to nothing";
    const Part part{Var(name), extent};
    coordinates_[axis].push_back(part);
    return part.var;
  }

  // The parts of each coordinate in terms of its one variable.
  void BindCoordinates() {
    for (const auto& [axis, parts] : coordinates_) {
      int64_t rest = 1;
      for (const Part& part : parts) rest *= part.extent;
      Part whole{parts.size() == 1 ? parts[0].var : Var(FusedName(parts)), rest};
      for (size_t i = 0; i < parts.size() && parts.size() > 1; ++i) {
        const Expr within = i == 0 ? whole.var : FloorMod(whole.var, rest);
        rest /= parts[i].extent;
        fused_[parts[i].var.get()] = FloorDiv(within, rest);
      }
      bound_.emplace(axis, std::move(whole));
    }
  }

  static std::string FusedName(const std::vector<Part>& parts) {
    std::string name;
    for (const Part& part : parts) absl::StrAppend(&name, name.empty() ? "" : "_", part.var->name);
    return name;
  }

  Stmt BoundLoop(ThreadAxis axis, Stmt body) const {
    const auto found = bound_.find(axis);
    if (found == bound_.end()) return body;
    return For(found->second.var, found->second.extent, axis, Substitute(body, fused_));
  }

  Expr Resolve(const Expr& e) const { return Substitute(e, definitions_); }

  // The body reading staged inputs from shared memory.
  Expr Staged(const Expr& body) {
    Ranges ranges;
    Substitution origin;
    for (const Part& part : region_) {
      if (part.var->kind != ExprKind::kVar) continue;
      ranges[part.var.get()] = {0, part.extent - 1};
      origin[part.var.get()] = Int(0);
    }
    for (const size_t input : schedule_.staged) {
      stages_.push_back(StageInput(body, compute_.inputs[input], ranges, origin));
      const auto dilation = schedule_.dilation.find(input);
      if (dilation != schedule_.dilation.end()) stages_.back().dilation = dilation->second;
    }
    return Rewrite(body, [&](const Expr& e) {
      for (const StagedInput& stage : stages_) {
        if (e->kind == ExprKind::kLoad && e->buffer == stage.source) return stage.load;
      }
      const bool staged_so = e->kind == ExprKind::kCast && e->operands[0]->dtype == e->dtype;
      if (staged_so) return e->operands[0];
      return e;
    });
  }

  // Number of this thread in its block, and how many there are.
  Part ThreadNumber() const {
    Part number{Int(0), 1};
    for (ThreadAxis axis : {ThreadAxis::kThreadZ, ThreadAxis::kThreadY, ThreadAxis::kThreadX}) {
      const auto found = bound_.find(axis);
      if (found == bound_.end()) continue;
      number.var = number.var * found->second.extent + found->second.var;
      number.extent *= found->second.extent;
    }
    return number;
  }

  // What one thread does.
  Stmt Threads(const Expr& body) {
    std::vector<int64_t> shape;
    std::vector<Expr> position;
    for (const Part& part : tile_) {
      shape.push_back(part.extent);
      position.push_back(part.var);
    }
    if (shape.empty()) {
      shape = {1};
      position = {Int(0)};
    }
    const Buffer acc = MakeBuffer("acc", compute_.body->dtype, shape, Scope::kRegister);
    const Expr zero = InitialValue(compute_.reducer, acc->dtype);
    const Stmt add = Store(acc, position, Load(acc, position) + body);
    return Alloc(acc, Seq({Tile(Store(acc, position, zero)), Reduction(Tile(add), body),
                           LastBlockAdds() ? LastResult(acc, position)
                                           : Tile(Result(Load(acc, position)))}));
  }

  // Leaves the thread's sums for the last block of the tile.
  Stmt LastResult(const Buffer& acc, const std::vector<Expr>& position) const {
    const Expr sum = Load(acc, position);
    const auto add = [&](const Expr& part) {
      return Tile(Store(acc, position, sum + parts_.Of(part, Place())));
    };
    const Expr zero = InitialValue(compute_.reducer, acc->dtype);
    return parts_.InLastBlock(Tile(parts_.Leave(Place(), sum)), Tile(Store(acc, position, zero)),
                              add, Tile(Result(sum)));
  }

  // The compute's axes at an element of the tile.
  std::vector<Expr> Place() const {
    std::vector<Expr> place;
    for (const Axis& axis : compute_.axes) place.push_back(Resolve(axis.var));
    return place;
  }

  Stmt Tile(Stmt body) const {
    for (size_t i = tile_.size(); i-- > 0;) {
      body = For(tile_[i].var, tile_[i].extent, LoopKind::kUnrolled, std::move(body));
    }
    return body;
  }

  Stmt Result(const Expr& total) const {
    if (schedule_.split > 1 && schedule_.atomic) return AtomicAdd(compute_.output, Place(), total);
    if (compute_.result == nullptr) return Store(compute_.output, Place(), total);
    return Store(compute_.output, Place(),
                 Substitute(Resolve(compute_.result), {{compute_.acc.get(), total}}));
  }

  // Of the body, once for all values of the parts.
  static int64_t Reads(const Expr& body, const std::vector<Part>& parts) {
    int64_t reads = 0;
    ForEachExpr(body, [&](const Expr& load) {
      if (load->kind != ExprKind::kLoad) return;
      int64_t elements = 1;
      for (const Part& part : parts) {
        if (UsesVar(load, part.var)) elements = std::min(elements * part.extent, kMostReads + 1);
      }
      reads += elements;
    });
    return reads;
  }

  // The step, of the body, in the loops around it.
  Stmt Reduction(Stmt step, const Expr& body) const {
    int64_t unrolled = 1;
    std::vector<Part> parts = tile_;
    for (const Part& part : tile_) unrolled *= part.extent;
    for (size_t level = steps_.size(); level-- > 1;) {
      for (size_t i = steps_[level].size(); i-- > 0;) {
        const Part& part = steps_[level][i];
        unrolled = std::min(unrolled * part.extent, int64_t{1} << 30);
        parts.push_back(part);
        const bool unroll =
            unrolled <= schedule_.unrolled_steps && Reads(body, parts) <= kMostReads;
        step = For(part.var, part.extent, unroll ? LoopKind::kUnrolled : LoopKind::kSerial, step);
      }
    }
    int64_t stages = 1;
    for (const Part& part : steps_.empty() ? std::vector<Part>{} : steps_[0]) stages *= part.extent;
    step = Seq({CopyStage(stages > 1), IfAny(std::move(step))});
    if (steps_.empty()) return step;
    for (size_t i = steps_[0].size(); i-- > 0;) {
      step = For(steps_[0][i].var, steps_[0][i].extent, LoopKind::kSerial, std::move(step));
    }
    return step;
  }

  // A stage that would copy zeros alone adds nothing. Its barriers stay: OpenCL's compilers for
  // CPUs copy the code after one under a condition for each way to it.
  Stmt IfAny(Stmt body) const {
    for (const StagedInput& stage : stages_) {
      if (const Expr any = HasElements(stage)) body = If(any, std::move(body));
    }
    return body;
  }

  // Copies the inputs of a stage; `again`: the stage before may still be read.
  Stmt CopyStage(bool again) const {
    if (stages_.empty()) return nullptr;
    const Part thread = ThreadNumber();
    std::vector<Stmt> copies;
    if (again) copies.push_back(Barrier());
    for (const StagedInput& stage : stages_) {
      copies.push_back(IfAny(CopyTogether(stage, thread.var, thread.extent)));
    }
    copies.push_back(Barrier());
    return Seq(std::move(copies));
  }

  const Compute& compute_;
  const SimtSchedule& schedule_;
  Substitution definitions_;              // axes in terms of parts
  std::vector<Part> tile_;                // what a thread holds in registers
  std::vector<Part> region_;              // what varies within a stage of a block
  std::vector<std::vector<Part>> steps_;  // of the reduction, by level
  std::map<ThreadAxis, std::vector<Part>> coordinates_;
  std::map<ThreadAxis, Part> bound_;
  Substitution fused_;  // parts of fused coordinates
  std::vector<StagedInput> stages_;
  Expr part_ = Int(0);         // of the reduction, that a block sums
  Expr tile_number_ = Int(0);  // of a block
  int64_t tiles_ = 1;
  PartSums parts_;  // of a split reduction
};

}  // namespace

Program LowerSimt(const Compute& compute, const SimtSchedule& schedule) {
  return SimtLowerer(compute, schedule).Lower();
}

}  // namespace tilewright
