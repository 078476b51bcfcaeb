#include "compiler/targets/support/schedule_tile.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

namespace tilewright {
namespace {

// sum = addend + a * b, each a vector.
struct Step {
  llvm::Instruction* product;
  llvm::Instruction* sum;
  llvm::Value* addend;
  llvm::Value *a, *b;
  int wave = 0;  // position in its chain
};

// The fewest multiply-adds that make a tile.
constexpr size_t kMinSteps = 8;
// A register for operands that an instruction cannot take from memory.
constexpr int kSpare = 1;

llvm::Instruction* AsProduct(llvm::Value* value, const llvm::BasicBlock* block) {
  auto* product = llvm::dyn_cast<llvm::Instruction>(value);
  const bool is_product = product != nullptr && product->getOpcode() == llvm::Instruction::FMul &&
                          product->getParent() == block && product->hasOneUse() &&
                          product->hasAllowContract();
  return is_product ? product : nullptr;
}

std::optional<Step> AsStep(llvm::Instruction& sum) {
  if (sum.getOpcode() != llvm::Instruction::FAdd || !sum.getType()->isVectorTy() ||
      !sum.hasAllowContract()) {
    return std::nullopt;
  }
  for (int side : {0, 1}) {
    if (llvm::Instruction* product = AsProduct(sum.getOperand(side), sum.getParent())) {
      return Step{product, &sum, sum.getOperand(1 - side), product->getOperand(0),
                  product->getOperand(1)};
    }
  }
  return std::nullopt;
}

// A load, or a load in every lane, of this block: it can be had again at any time.
llvm::LoadInst* ReloadableLoad(llvm::Value* value, const llvm::BasicBlock* block) {
  llvm::Value* scalar = nullptr;
  using namespace llvm::PatternMatch;
  if (match(value, m_Shuffle(m_InsertElt(m_Poison(), m_Value(scalar), m_ZeroInt()), m_Poison(),
                             m_ZeroMask()))) {
    value = scalar;
  }
  auto* load = llvm::dyn_cast<llvm::LoadInst>(value);
  return load != nullptr && load->isSimple() && load->getParent() == block ? load : nullptr;
}

// The multiply-adds of one block.
class Tile {
 public:
  Tile(llvm::BasicBlock& block, const VectorRegisters& registers)
      : block_(block), registers_(registers) {
    for (llvm::Instruction& instruction : block) {
      if (std::optional<Step> step = AsStep(instruction)) AddStep(*step);
    }
  }

  bool IsWorthIt() const { return steps_.size() >= kMinSteps && IsMovable(); }

  void Schedule() {
    llvm::IRBuilder<> builder(steps_.back().sum->getNextNode());
    CountUses();
    budget_ = registers_.count - kSpare - LiveThrough();
    for (int wave = 0; wave <= last_wave_; ++wave) ScheduleWave(wave, builder);
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) RemoveOld(*step);
    for (llvm::Value* operand : operands_) {
      if (auto* instruction = llvm::dyn_cast<llvm::Instruction>(operand)) {
        llvm::RecursivelyDeleteTriviallyDeadInstructions(instruction);
      }
    }
  }

 private:
  struct Operand {
    int uses_in_wave = 0;
    int uses = 0;
    llvm::Value* resident = nullptr;  // its copy while it has a register
    int epoch = -1;                   // of its last load; another needs a fence in between
  };

  void AddStep(Step step) {
    const auto previous = by_sum_.find(step.addend);
    if (previous != by_sum_.end()) step.wave = steps_[previous->second].wave + 1;
    last_wave_ = std::max(last_wave_, step.wave);
    by_sum_[step.sum] = steps_.size();
    steps_.push_back(step);
  }

  // Everything between the first step and the last may move to the last one's place.
  bool IsMovable() const {
    std::unordered_set<const llvm::Instruction*> after;
    const llvm::Instruction* last = steps_.back().sum;
    for (const llvm::Instruction* i = last->getNextNode(); i != nullptr; i = i->getNextNode()) {
      after.insert(i);
    }
    for (const llvm::Instruction& i : block_) {
      if (i.mayWriteToMemory() && after.count(&i) == 0) return false;
    }
    return std::all_of(steps_.begin(), steps_.end(), [&](const Step& step) {
      return IsLink(step) || std::all_of(step.sum->user_begin(), step.sum->user_end(),
                                         [&](const llvm::User* user) {
        const auto* i = llvm::cast<llvm::Instruction>(user);
        return i->getParent() != &block_ || llvm::isa<llvm::PHINode>(i) || after.count(i) > 0;
      });
    });
  }

  // True when the sum is nothing but the addend of the chain's next step.
  bool IsLink(const Step& step) const {
    if (!step.sum->hasOneUse()) return false;
    const auto next = by_sum_.find(*step.sum->user_begin());
    return next != by_sum_.end() && steps_[next->second].addend == step.sum;
  }

  int RegistersOf(const llvm::Value* value) const {
    const int bits = value->getType()->getPrimitiveSizeInBits().getFixedValue();
    return (bits + registers_.bits - 1) / registers_.bits;
  }

  // Accumulators, and operands that are computed and not loaded.
  int LiveThrough() const {
    int registers = 0;
    for (const Step& step : steps_) {
      if (step.wave == 0) registers += RegistersOf(step.sum);
    }
    std::unordered_set<const llvm::Value*> kept;
    for (const Step& step : steps_) {
      for (const llvm::Value* value : {step.a, step.b}) {
        const bool free = uses_.count(value) > 0 || llvm::isa<llvm::Constant>(value);
        if (!free && kept.insert(value).second) registers += RegistersOf(value);
      }
    }
    return registers;
  }

  void CountUses() {
    for (const Step& step : steps_) {
      for (llvm::Value* value : {step.a, step.b}) {
        if (ReloadableLoad(value, &block_) == nullptr) continue;
        if (uses_[value].uses++ == 0) operands_.push_back(value);
      }
    }
  }

  void ScheduleWave(int wave, llvm::IRBuilder<>& builder) {
    std::vector<const Step*> left;
    for (auto& [value, operand] : uses_) operand.uses_in_wave = 0;
    for (const Step& step : steps_) {
      if (step.wave != wave) continue;
      left.push_back(&step);
      for (llvm::Value* value : {step.a, step.b}) {
        if (Operand* operand = Find(value)) ++operand->uses_in_wave;
      }
    }
    Fence(builder);
    while (!left.empty()) {
      const auto best = std::min_element(left.begin(), left.end(),
                                         [&](const Step* x, const Step* y) {
                                           return CostOf(*x) < CostOf(*y);
                                         });
      EmitStep(**best, builder);
      left.erase(best);
    }
  }

  Operand* Find(const llvm::Value* value) {
    const auto found = uses_.find(value);
    return found == uses_.end() ? nullptr : &found->second;
  }

  // Fewest loads first; then the loads that serve most other steps.
  std::pair<int, int> CostOf(const Step& step) {
    int loads = 0, served = 0;
    for (const llvm::Value* value : {step.a, step.b}) {
      const Operand* operand = Find(value);
      if (operand == nullptr || operand->resident != nullptr) continue;
      ++loads;
      served += operand->uses_in_wave;
    }
    return {loads, -served};
  }

  void EmitStep(const Step& step, llvm::IRBuilder<>& builder) {
    llvm::Instruction* product = step.product->clone();
    llvm::Instruction* sum = step.sum->clone();
    product->setOperand(0, Get(step.a, step, builder));
    product->setOperand(1, Get(step.b, step, builder));
    sum->replaceUsesOfWith(step.product, product);
    const auto previous = new_sums_.find(step.addend);
    if (previous != new_sums_.end()) sum->replaceUsesOfWith(step.addend, previous->second);
    builder.Insert(product);
    builder.Insert(sum);
    new_sums_[step.sum] = sum;
    Release(step.a);
    Release(step.b);
  }

  // The operand's value, from its register or loaded (again).
  llvm::Value* Get(llvm::Value* value, const Step& step, llvm::IRBuilder<>& builder) {
    Operand* operand = Find(value);
    if (operand == nullptr) return value;
    if (operand->resident != nullptr) return operand->resident;
    if (operand->epoch == epoch_) Fence(builder);
    operand->epoch = epoch_;
    llvm::Value* copy = Reload(value, builder);
    const bool reused = operand->uses > 1;
    if (reused && MakeRoom(*operand, RegistersOf(value), step)) {
      operand->resident = copy;
      resident_.push_back(value);
      budget_ -= RegistersOf(value);
    }
    return copy;
  }

  llvm::Value* Reload(llvm::Value* value, llvm::IRBuilder<>& builder) {
    llvm::LoadInst* load = ReloadableLoad(value, &block_);
    llvm::Value* copy = builder.Insert(load->clone());
    if (load == value) return copy;
    const auto lanes = llvm::cast<llvm::VectorType>(value->getType())->getElementCount();
    return builder.CreateVectorSplat(lanes, copy);
  }

  // Evicts what this wave needs less than `wanted`; false when that does not free enough.
  bool MakeRoom(const Operand& wanted, int registers, const Step& step) {
    while (budget_ < registers) {
      llvm::Value* victim = nullptr;
      for (llvm::Value* value : resident_) {
        if (value == step.a || value == step.b) continue;
        if (victim == nullptr || Find(value)->uses_in_wave < Find(victim)->uses_in_wave) {
          victim = value;
        }
      }
      if (victim == nullptr || Find(victim)->uses_in_wave >= wanted.uses_in_wave) return false;
      Evict(victim);
    }
    return true;
  }

  void Evict(llvm::Value* value) {
    Find(value)->resident = nullptr;
    resident_.erase(std::find(resident_.begin(), resident_.end(), value));
    budget_ += RegistersOf(value);
  }

  void Release(llvm::Value* value) {
    Operand* operand = Find(value);
    if (operand == nullptr) return;
    --operand->uses_in_wave;
    if (--operand->uses == 0 && operand->resident != nullptr) Evict(value);
  }

  // Costs no instruction; keeps LLVM from merging two loads of one address.
  void Fence(llvm::IRBuilder<>& builder) {
    builder.CreateFence(llvm::AtomicOrdering::SequentiallyConsistent,
                        llvm::SyncScope::SingleThread);
    ++epoch_;
  }

  void RemoveOld(const Step& step) {
    step.sum->replaceAllUsesWith(new_sums_.at(step.sum));
    step.sum->eraseFromParent();
    step.product->eraseFromParent();
  }

  llvm::BasicBlock& block_;
  const VectorRegisters& registers_;
  std::vector<Step> steps_;
  std::unordered_map<const llvm::Value*, size_t> by_sum_;
  int last_wave_ = 0;
  std::unordered_map<const llvm::Value*, Operand> uses_;
  std::vector<llvm::Value*> operands_;
  std::vector<llvm::Value*> resident_;
  std::unordered_map<const llvm::Value*, llvm::Value*> new_sums_;
  int budget_ = 0;
  int epoch_ = 0;
};

}  // namespace

void ScheduleTiles(llvm::Function& function, const VectorRegisters& registers) {
  for (llvm::BasicBlock& block : function) {
    Tile tile(block, registers);
    if (tile.IsWorthIt()) tile.Schedule();
  }
}

}  // namespace tilewright
