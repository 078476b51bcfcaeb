// producer -> consumer   becomes   one definition, by substituting what the producer computes into
// the consumer's loads: chains of maps, maps into reductions, maps after a reduction into its
// result, and data movement into whoever reads it. A pass over memory is saved each time; no
// expensive work is ever repeated.
#include <algorithm>
#include <set>

#include "compiler/graph/edit.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

// Beyond these a kernel gains nothing more (it is no longer bound by memory) and takes longer to
// compile.
constexpr int64_t kMaxBodyNodes = 400;
constexpr size_t kMaxInputs = 24;
// Repeating a body of at most this many operations costs less than storing it.
constexpr int64_t kCheapOperations = 6;

bool IsTranscendental(const Expr& e) {
  static const std::set<std::string> kCheap = {"neg", "abs", "floor", "ceil", "not", "sign"};
  if (e->kind == ExprKind::kCall) return !kCheap.contains(e->name);
  const bool divides = e->kind == ExprKind::kBinary && e->op == BinaryOp::kDiv;
  return divides && IsFloat(e->dtype) && e->operands[1]->kind != ExprKind::kFloat;
}

// Where a table says, lane by lane.
bool Gathers(const Expr& e) {
  return e->kind == ExprKind::kLoad &&
         std::any_of(e->operands.begin(), e->operands.end(), ReadsAnything);
}

// Operations on values, those on indices left out; nullopt when one of them is expensive.
std::optional<int64_t> CheapOperations(const Compute& compute) {
  int64_t operations = 0;
  for (const Expr& root : ExprsOf(compute)) {
    bool expensive = false;
    ForEachExpr(root, [&](const Expr& e) {
      expensive = expensive || IsTranscendental(e) || Gathers(e);
      const bool operation = e->kind == ExprKind::kBinary || e->kind == ExprKind::kSelect;
      operations += operation && e->dtype != DType::kI64 ? 1 : 0;
    });
    if (expensive) return std::nullopt;
  }
  return operations;
}

bool IsMovement(const Compute& compute) {
  return IsMap(compute) && ValueOf(compute)->kind == ExprKind::kLoad;
}

// The innermost output axis walks the innermost dimension of what is moved.
bool KeepsRows(const Compute& movement) {
  const Expr load = ValueOf(movement);
  return load->operands.empty() || movement.axes.empty() ||
         load->operands.back() == movement.axes.back().var;
}

// Times the producer's elements are computed after inlining.
int64_t EvaluationsAfter(const Compute& consumer, const Buffer& loaded) {
  return Iterations(consumer) * static_cast<int64_t>(LoadsOf(consumer, loaded).size());
}

// True when the producer's work is not repeated, or is too small to matter.
bool IsWorthRepeating(const Compute& producer, const Compute& consumer, const Buffer& loaded) {
  if (EvaluationsAfter(consumer, loaded) <= NumElements(producer.output->shape)) return true;
  if (!IsMap(producer)) return false;
  const std::optional<int64_t> operations = CheapOperations(producer);
  return operations && *operations <= kCheapOperations;
}

class Fuser {
 public:
  explicit Fuser(Graph& graph) : graph_(graph), readers_(CountReaders(graph)) {}

  void Run() {
    for (Node& consumer : graph_.nodes) {
      if (consumer.workload) continue;
      while (FuseOne(consumer)) {
      }
    }
    EraseDeadNodes(graph_);
  }

 private:
  bool FuseOne(Node& consumer) {
    for (size_t i = 0; i < consumer.inputs.size(); ++i) {
      const Node* producer = ProducerOf(graph_, consumer.inputs[i]);
      if (producer == nullptr || producer->workload) continue;
      if (MayFuse(*producer, consumer, i) && Fuse(*producer, consumer, i)) return true;
    }
    return false;
  }

  // Fusing into a reshape is of use only where the reshape would be a copy.
  bool MayFuse(const Node& producer, const Node& consumer, size_t i) const {
    const Compute& made = producer.compute;
    const Compute& reads = consumer.compute;
    if (IsMovement(made)) return IsMap(reads) || KeepsRows(made);
    if (IsReshape(reads) && !graph_.IsOutput(consumer.output)) return false;
    return readers_[producer.output] == 1 && IsWorthRepeating(made, reads, reads.inputs[i]);
  }

  bool Fuse(const Node& producer, Node& consumer, size_t i) {
    std::optional<Compute> fused =
        Inline(producer.compute, consumer.compute, consumer.compute.inputs[i]);
    if (!fused) return false;
    std::vector<ValueId> inputs = consumer.inputs;
    inputs.erase(inputs.begin() + static_cast<ptrdiff_t>(i));
    inputs.insert(inputs.end(), producer.inputs.begin(), producer.inputs.end());
    Compute normal = NormalizeInputs(*fused, &inputs);
    if (!IsAcceptable(producer.compute, consumer.compute, normal)) return false;
    consumer.op = JoinedOp(producer, consumer);
    consumer.to_layout.clear();
    Replace(producer, consumer, std::move(normal), std::move(inputs));
    return true;
  }

  // Data movement is taken in only where indices stay as simple as they were.
  static bool IsAcceptable(const Compute& producer, const Compute& consumer, const Compute& fused) {
    if (CountNodes(fused) > kMaxBodyNodes || fused.inputs.size() > kMaxInputs) return false;
    if (IsMovement(producer) && IsReshape(consumer)) {
      return IsReshape(fused) || CountDivMod(fused) == 0;
    }
    const int64_t allowed = IsMovement(producer) ? 0 : CountDivMod(producer);
    return CountDivMod(fused) <= std::max(allowed, CountDivMod(consumer));
  }

  static std::string JoinedOp(const Node& producer, const Node& consumer) {
    constexpr size_t kMaxName = 60;
    if (IsMovement(producer.compute)) return consumer.op;
    if (IsReshape(consumer.compute)) return producer.op;
    const std::string joined = producer.op + "_" + consumer.op;
    return joined.size() <= kMaxName ? joined : consumer.op;
  }

  void Replace(const Node& producer, Node& consumer, Compute compute, std::vector<ValueId> inputs) {
    CountReads(consumer, -1);
    consumer.compute = std::move(compute);
    consumer.inputs = std::move(inputs);
    CountReads(consumer, +1);
    if (readers_[producer.output] == 0) CountReads(producer, -1);
  }

  void CountReads(const Node& node, int change) {
    for (ValueId id : std::set<ValueId>(node.inputs.begin(), node.inputs.end())) {
      readers_[id] += change;
    }
  }

  Graph& graph_;
  std::vector<int> readers_;
};

}  // namespace

absl::Status FuseElementwise(Graph& graph, const PassContext&) {
  Fuser(graph).Run();
  return absl::OkStatus();
}

}  // namespace tilewright
