#include "compiler/schedule/lower_nest.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <span>
#include <utility>

#include "base/check.h"
#include "compiler/schedule/combine_lanes.h"
#include "compiler/schedule/guards.h"
#include "compiler/schedule/prefetch.h"

namespace tilewright {
namespace {

// What is known at one place of the nest: constants for some variables, ranges for the others.
struct Known {
  Substitution constants;
  Ranges ranges;
};

class NestLowerer {
 public:
  explicit NestLowerer(const NestSpec& spec) : spec_(spec), compute_(*spec.compute) {
    for (const LoopLeaf& leaf : spec.leaves) {
      if (leaf.extent == 1) {
        root_.constants[leaf.var.get()] = Int(0);
      } else {
        root_.ranges[leaf.var.get()] = {0, leaf.extent - 1};
      }
    }
    for (const Expr& guard : spec.spatial_guards) Append(guard, &spatial_atoms_);
    for (const Expr& guard : spec.reduce_guards) Append(guard, &reduce_atoms_);
    for (const Expr& guard : spec.store_guards) Append(guard, &store_atoms_);
    if (compute_.reducer != Reducer::kNone) {
      for (const Expr& choice : ChoicesOf(compute_.body)) Append(choice, &choice_atoms_);
    }
    const auto first = spec.leaves.begin();
    outer_.assign(first, first + spec.accumulate_at);
    inner_.assign(first + spec.accumulate_at, spec.leaves.end());
    DropTrivial(&inner_);
    PlacePartialSums();
  }

  Program Lower() {
    Program program{.name = compute_.name, .params = compute_.inputs};
    program.params.push_back(spec_.store.buffer);
    if (spec_.parallel == 0) {
      program.body = Outer(0, root_);
      return program;
    }
    int64_t extent = 1;
    for (int i = 0; i < spec_.parallel; ++i) extent *= outer_[i].extent;
    const Expr index = Var("p");
    program.body = For(index, extent, LoopKind::kParallel, Collapsed(index, extent));
    return program;
  }

 private:
  static void DropTrivial(std::vector<LoopLeaf>* leaves) {
    std::erase_if(*leaves, [](const LoopLeaf& leaf) { return leaf.extent == 1; });
  }

  // Guards and bodies name the compute's axes; inside the nest those are sums of loop variables.
  Expr Resolve(const Expr& e) const {
    Expr resolved = e;
    for (Expr next = Substitute(resolved, *spec_.definitions); next != resolved;
         next = Substitute(resolved, *spec_.definitions)) {
      resolved = next;
    }
    return Substitute(resolved, root_.constants);
  }

  void Append(const Expr& guard, std::vector<Expr>* atoms) const {
    for (const Expr& atom : SplitConjunction(Resolve(guard))) atoms->push_back(atom);
  }

  static Expr At(const Expr& e, const Known& scope) {
    return Simplify(Substitute(e, scope.constants), scope.ranges);
  }

  // The atoms that loop partitioning should remove: those of unrolled or vectorised tiles.
  std::vector<Expr> TileAtoms(const Known& scope) const {
    std::vector<Expr> atoms;
    for (const std::vector<Expr>* list :
         {&spatial_atoms_, &reduce_atoms_, &store_atoms_, &choice_atoms_}) {
      for (const Expr& atom : *list) {
        if (MentionsTile(atom)) atoms.push_back(At(atom, scope));
      }
    }
    return atoms;
  }

  bool MentionsTile(const Expr& atom) const {
    return std::any_of(inner_.begin(), inner_.end(), [&](const LoopLeaf& leaf) {
      return !leaf.reduce && leaf.kind != LoopKind::kSerial && UsesVar(atom, leaf.var);
    });
  }

  // The outer loops that run collapsed in parallel: binds each variable from the one index.
  Stmt Collapsed(const Expr& index, int64_t extent) {
    std::vector<Expr> values;
    int64_t rest = extent;
    for (int i = 0; i < spec_.parallel; ++i) {
      const Expr within = i == 0 ? index : FloorMod(index, rest);
      rest /= outer_[i].extent;
      values.push_back(FloorDiv(within, rest));
    }
    Stmt body = Outer(0, root_);
    for (int i = spec_.parallel; i-- > 0;) {
      if (outer_[i].extent > 1) body = Let(outer_[i].var, values[i], body);
    }
    return body;
  }

  // Partial sums of outer reduction loops wait in the output, or, where its type would round or
  // cannot hold them, in memory of their own around the outermost of those loops.
  Stmt Outer(size_t level, const Known& scope) {
    if (level == sums_at_) return Alloc(sums_, OuterLoop(level, scope));
    return OuterLoop(level, scope);
  }

  Stmt OuterLoop(size_t level, const Known& scope) {
    if (level == outer_.size()) return Tile(scope);
    const LoopLeaf& leaf = outer_[level];
    if (leaf.extent == 1) return Outer(level + 1, scope);
    const bool bound = level < static_cast<size_t>(spec_.parallel);
    const std::vector<Iterations> parts =
        PartitionLoop(leaf.var, leaf.extent, TileAtoms(scope), scope.ranges);
    std::vector<Stmt> bodies;
    for (const Iterations& part : parts) bodies.push_back(OuterPart(level, scope, part, bound));
    if (!bound) return Seq(std::move(bodies));
    Stmt chain = bodies.back();
    for (size_t i = bodies.size() - 1; i-- > 0;) {
      chain = If(Lt(leaf.var, Int(parts[i + 1].lo)), bodies[i], chain);
    }
    return chain;
  }

  // Iterations `part` of an outer loop; `bound` loops already have their variable.
  Stmt OuterPart(size_t level, const Known& scope, const Iterations& part, bool bound) {
    const LoopLeaf& leaf = outer_[level];
    Known inside = scope;
    if (part.lo == part.hi) {
      inside.constants[leaf.var.get()] = Int(part.lo);
      inside.ranges.erase(leaf.var.get());
      return Outer(level + 1, inside);
    }
    inside.ranges[leaf.var.get()] = {part.lo, part.hi};
    Stmt body = Outer(level + 1, inside);
    if (bound) return body;
    return For(leaf.var, {Int(part.lo), Int(part.hi - part.lo + 1)}, leaf.kind, std::move(body));
  }

  std::vector<LoopLeaf> InnerSpatial() const {
    std::vector<LoopLeaf> leaves = inner_;
    std::erase_if(leaves, [](const LoopLeaf& leaf) { return leaf.reduce; });
    return leaves;
  }

  // The loops with an accumulator of their own: the spatial ones, and the lanes of a vectorised
  // reduction, which are combined when the tile is done.
  std::vector<LoopLeaf> Accumulated() const {
    std::vector<LoopLeaf> leaves = InnerSpatial();
    if (const LoopLeaf* lanes = ReducedLanes()) leaves.push_back(*lanes);
    return leaves;
  }

  const LoopLeaf* ReducedLanes() const {
    const bool vectorised =
        !inner_.empty() && inner_.back().reduce && inner_.back().kind == LoopKind::kVectorized;
    return vectorised ? &inner_.back() : nullptr;
  }

  // One iteration of the outer loops: initialise, reduce, store.
  Stmt Tile(const Known& scope) {
    const std::vector<LoopLeaf> spatial = InnerSpatial();
    const std::vector<Expr> spatial_atoms = Concat(spatial_atoms_, store_atoms_);
    if (compute_.reducer == Reducer::kNone) {
      return Nest(spatial, spatial_atoms, scope,
                  [&](const Known& at) { return StoreOutput(at, At(Resolve(compute_.body), at)); });
    }
    const std::vector<LoopLeaf> accumulated = Accumulated();
    const Buffer acc = Accumulator(accumulated);
    const std::vector<Expr> position = Position(accumulated);
    // What sums start from is read where the guards bound it.
    const bool reads = OuterReduction(/*last=*/false) || spec_.initial;
    const std::vector<Expr> init_atoms = reads ? spatial_atoms : std::vector<Expr>{};
    const Stmt init = Nest(accumulated, init_atoms, scope,
                           [&](const Known& at) { return Store(acc, position, InitialAt(at)); });
    const Stmt update = Update(scope, [&](const Known& at) {
      const Expr value = At(Resolve(compute_.body), at);
      return Store(acc, position, Combine(compute_.reducer, Load(acc, position), value));
    });
    Stmt combine;
    std::vector<Expr> result = position;
    if (const LoopLeaf* lanes = ReducedLanes()) {
      combine = CombineLanes(compute_.reducer, acc, spatial, lanes->extent);
      result.back() = Int(0);
    }
    const Stmt store = Nest(spatial, spatial_atoms, scope,
                            [&](const Known& at) { return StoreOutput(at, Load(acc, result)); });
    return Alloc(acc, Seq({init, update, std::move(combine), store}));
  }

  // The reduction of a tile; every step of its serial loops may prefetch.
  Stmt Update(const Known& scope, const std::function<Stmt(const Known&)>& body) {
    const std::vector<Expr> atoms = Concat(spatial_atoms_, reduce_atoms_);
    if (!Prefetches()) return Nest(inner_, atoms, scope, body);
    const PiecePrefetch prefetch = PrefetchOfNextPiece();
    const auto split = inner_.begin() + prefetch.inner_steps;
    const std::vector<LoopLeaf> steps(inner_.begin(), split), tile(split, inner_.end());
    std::vector<Expr> step_atoms, tile_atoms;
    for (const Expr& atom : atoms) (UsesAny(atom, tile) ? tile_atoms : step_atoms).push_back(atom);
    return Nest(steps, step_atoms, scope, [&](const Known& at) {
      std::vector<Stmt> step;
      for (const Expr& element : prefetch.elements) {
        step.push_back(Prefetch(spec_.prefetch.buffer, At(Resolve(element), at)));
      }
      step.push_back(Nest(tile, tile_atoms, at, body));
      return Seq(std::move(step));
    });
  }

  static bool UsesAny(const Expr& e, const std::vector<LoopLeaf>& leaves) {
    return std::any_of(leaves.begin(), leaves.end(),
                       [&](const LoopLeaf& leaf) { return UsesVar(e, leaf.var); });
  }

  PiecePrefetch PrefetchOfNextPiece() const {
    const NextPiece& next = spec_.prefetch;
    const auto below = outer_.begin() + next.outer_count;
    return PlanPrefetch(next.buffer, Resolve(ElementRead(compute_.body, next.buffer)),
                        {*(below - 1), {below, outer_.end()}, inner_});
  }

  // A loop of one iteration has no next one.
  bool Prefetches() const {
    const NextPiece& next = spec_.prefetch;
    return next.buffer != nullptr && outer_[next.outer_count - 1].extent > 1;
  }

  static std::vector<Expr> Concat(std::vector<Expr> a, const std::vector<Expr>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  // Gives partial sums their memory if they need some.
  void PlacePartialSums() {
    const auto reduces = [](const LoopLeaf& leaf) { return leaf.reduce && leaf.extent > 1; };
    const auto first = std::find_if(outer_.begin(), outer_.end(), reduces);
    if (first == outer_.end() || compute_.body->dtype == spec_.store.buffer->dtype) return;
    sums_at_ = static_cast<size_t>(first - outer_.begin());
    std::vector<int64_t> shape;
    for (const auto& leaves : {std::vector<LoopLeaf>(first, outer_.end()), inner_}) {
      for (const LoopLeaf& leaf : leaves) {
        if (leaf.reduce || leaf.extent == 1) continue;
        sums_position_.push_back(leaf.var);
        shape.push_back(leaf.extent);
      }
    }
    sums_ = MakeBuffer("sums", compute_.body->dtype, std::move(shape), Scope::kStack);
  }

  Buffer Accumulator(const std::vector<LoopLeaf>& accumulated) const {
    std::vector<int64_t> shape;
    bool in_registers = true;
    for (const LoopLeaf& leaf : accumulated) {
      shape.push_back(leaf.extent);
      in_registers = in_registers && leaf.kind != LoopKind::kSerial;
    }
    if (shape.empty()) shape.push_back(1);
    return MakeBuffer("acc", compute_.body->dtype, std::move(shape),
                      in_registers ? Scope::kRegister : Scope::kStack);
  }

  static std::vector<Expr> Position(const std::vector<LoopLeaf>& accumulated) {
    std::vector<Expr> position;
    for (const LoopLeaf& leaf : accumulated) position.push_back(leaf.var);
    if (position.empty()) position.push_back(Int(0));
    return position;
  }

  std::vector<Expr> OutputIndices(const Known& at) const {
    std::vector<Expr> indices;
    for (const Expr& index : spec_.store.indices) indices.push_back(At(Resolve(index), at));
    return indices;
  }

  // Reduction loops outside the tile: true in their first / last iteration; null = always.
  Expr OuterReduction(bool last) const {
    Expr condition;
    for (const LoopLeaf& leaf : outer_) {
      if (!leaf.reduce || leaf.extent == 1) continue;
      condition = And(condition, Eq(leaf.var, Int(last ? leaf.extent - 1 : 0)));
    }
    return condition;
  }

  Expr InitialAt(const Known& at) const {
    const Expr initial = spec_.initial ? At(Resolve(spec_.initial), at)
                                       : InitialValue(compute_.reducer, compute_.body->dtype);
    const Expr first = OuterReduction(/*last=*/false);
    if (!first) return initial;
    const auto [buffer, indices] = PartialSum(at);
    return Select(At(first, at), initial, Load(buffer, indices));
  }

  // Where the sum so far of the output at this place waits for the next outer reduction step.
  std::pair<Buffer, std::vector<Expr>> PartialSum(const Known& at) const {
    if (sums_ == nullptr) return {spec_.store.buffer, OutputIndices(at)};
    std::vector<Expr> indices;
    for (const Expr& var : sums_position_) indices.push_back(At(var, at));
    return {sums_, std::move(indices)};
  }

  Stmt StoreOutput(const Known& at, const Expr& value) const {
    const Expr last = OuterReduction(/*last=*/true);
    const auto [waiting, place] = PartialSum(at);
    if (!compute_.result && sums_ == nullptr) {
      return Store(waiting, place, Cast(value, waiting->dtype));
    }
    Expr result = value;
    if (compute_.result) {
      Substitution with_value{{compute_.acc.get(), value}};
      result = Substitute(At(Resolve(compute_.result), at), with_value);
    }
    const Buffer& out = spec_.store.buffer;
    const Stmt final_store = Store(out, OutputIndices(at), Cast(result, out->dtype));
    if (!last) return final_store;
    return If(At(last, at), final_store, Store(waiting, place, value));
  }

  // Loops over `leaves` around `body`; each atom is tested as soon as its variables are bound.
  Stmt Nest(const std::vector<LoopLeaf>& leaves, const std::vector<Expr>& atoms, const Known& scope,
            const std::function<Stmt(const Known&)>& body) {
    std::vector<Expr> open;
    for (const Expr& atom : atoms) open.push_back(At(atom, scope));
    return NestFrom(leaves, std::move(open), scope, body);
  }

  Stmt NestFrom(std::span<const LoopLeaf> leaves, std::vector<Expr> open, const Known& scope,
                const std::function<Stmt(const Known&)>& body) {
    Expr ready;  // conditions all of whose variables are bound here
    bool never = false;
    std::erase_if(open, [&](const Expr& atom) {
      if (const std::optional<bool> decided = Decide(atom, scope.ranges)) {
        never = never || !*decided;
        return true;
      }
      for (const LoopLeaf& leaf : leaves) {
        if (UsesVar(atom, leaf.var)) return false;
      }
      ready = And(ready, atom);
      return true;
    });
    if (never) return nullptr;
    Stmt inside = leaves.empty() ? body(scope) : LoopAt(leaves, std::move(open), scope, body);
    if (!inside || !ready) return inside;
    return If(ready, std::move(inside));
  }

  // The first of them, and the others inside it.
  Stmt LoopAt(std::span<const LoopLeaf> leaves, std::vector<Expr> open, const Known& scope,
              const std::function<Stmt(const Known&)>& body) {
    const LoopLeaf& leaf = leaves.front();
    int64_t extent = leaf.extent;
    if (leaf.kind != LoopKind::kSerial) {
      std::erase_if(open, [&](const Expr& atom) {
        const std::optional<int64_t> prefix = PrefixLength(atom, leaf.var, leaf.extent);
        if (prefix) extent = std::min(extent, *prefix);
        return prefix.has_value();
      });
    }
    if (extent == 0) return nullptr;
    Known inside = scope;
    inside.ranges[leaf.var.get()] = {0, extent - 1};
    Stmt nested = NestFrom(leaves.subspan(1), std::move(open), inside, body);
    if (!nested) return nullptr;
    return For(leaf.var, {Int(0), Int(extent)}, leaf.kind, std::move(nested));
  }

  const NestSpec& spec_;
  const Compute& compute_;
  Known root_;
  std::vector<LoopLeaf> outer_, inner_;
  Buffer sums_;  // partial sums; null where they wait in the output or there are none
  std::vector<Expr> sums_position_;
  size_t sums_at_ = std::numeric_limits<size_t>::max();  // the level of outer_ it is declared at
  std::vector<Expr> spatial_atoms_, reduce_atoms_, store_atoms_, choice_atoms_;
};

}  // namespace

Program LowerNest(const NestSpec& spec) { return NestLowerer(spec).Lower(); }

}  // namespace tilewright
