#include "compiler/targets/support/pack_stores.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "llvm/Analysis/AliasAnalysis.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

namespace tilewright {
namespace {

constexpr int64_t kBytes = 16;  // of one store
constexpr size_t kStores = 4;   // that become one
constexpr int kWords = 4;       // of 32 bits in 16 bytes

using Group = std::vector<llvm::StoreInst*>;

// What is saturated to 0..255 and stored; null for anything else.
llvm::Value* SaturatedWords(const llvm::StoreInst& store) {
  using namespace llvm::PatternMatch;
  auto* narrow = llvm::dyn_cast<llvm::TruncInst>(store.getValueOperand());
  if (narrow == nullptr || !narrow->hasNoUnsignedWrap()) return nullptr;
  llvm::Type* word = llvm::Type::getInt32Ty(store.getContext());
  llvm::Type* byte = llvm::Type::getInt8Ty(store.getContext());
  if (narrow->getSrcTy() != llvm::FixedVectorType::get(word, kBytes)) return nullptr;
  if (narrow->getDestTy() != llvm::FixedVectorType::get(byte, kBytes)) return nullptr;
  llvm::Value *words = narrow->getOperand(0), *inner = nullptr;
  if (match(words, m_SMin(m_Value(inner), m_SpecificInt(255)))) words = inner;
  if (match(words, m_SMax(m_Value(inner), m_Zero()))) words = inner;
  return words;
}

// What a store's address starts from, and how many bytes further it is.
using Place = std::pair<const llvm::Value*, int64_t>;

Place PlaceOf(const llvm::StoreInst& store) {
  const llvm::DataLayout& layout = store.getModule()->getDataLayout();
  const llvm::Value* pointer = store.getPointerOperand();
  llvm::APInt offset(layout.getIndexTypeSizeInBits(pointer->getType()), 0);
  const llvm::Value* start =
      pointer->stripAndAccumulateConstantOffsets(layout, offset, /*AllowNonInbounds=*/true);
  return {start, offset.getSExtValue()};
}

const llvm::Value* ObjectOf(const llvm::Value* pointer) {
  return llvm::getUnderlyingObject(pointer);
}

// Whether `at` surely neither reads nor writes what a store at `place` writes, of an argument, for
// which no other name stands.
bool IsApart(const llvm::Instruction& at, const Place& place) {
  if (!at.mayReadOrWriteMemory()) return true;
  if (const auto* store = llvm::dyn_cast<llvm::StoreInst>(&at)) {
    const auto [start, offset] = PlaceOf(*store);
    const bool as_long = SaturatedWords(*store) != nullptr;
    if (start == place.first && as_long) return std::abs(offset - place.second) >= kBytes;
  }
  const llvm::Value* pointer = llvm::getLoadStorePointerOperand(&at);
  if (pointer == nullptr || !llvm::isIdentifiedObject(ObjectOf(pointer))) return false;
  return ObjectOf(pointer) != ObjectOf(place.first);
}

llvm::StoreInst* LastOf(const Group& group) {
  return *std::max_element(group.begin(), group.end(),
                           [](const auto* a, const auto* b) { return a->comesBefore(b); });
}

// Whether all may be done where the last of them is.
bool CanBeLater(const Group& group) {
  const llvm::StoreInst* last = LastOf(group);
  return std::all_of(group.begin(), group.end(), [last](const llvm::StoreInst* store) {
    const Place place = PlaceOf(*store);
    if (!llvm::isa<llvm::Argument>(ObjectOf(place.first))) return false;
    for (const llvm::Instruction* at = store; at != last;) {
      at = at->getNextNode();
      if (!IsApart(*at, place)) return false;
    }
    return true;
  });
}

// The bytes of four vectors of words. Both steps join 16 bytes of each operand at a time, so that
// the words of each vector's first 16 bytes come first, then those of the second.
llvm::Value* Packed(llvm::IRBuilder<>& ir, const Group& group) {
  const auto join = [&ir](llvm::Intrinsic::ID how, llvm::Value* low, llvm::Value* high) {
    return ir.CreateIntrinsic(how, {}, {low, high});
  };
  llvm::Value* halves[2];
  for (const size_t i : {0, 1}) {
    halves[i] = join(llvm::Intrinsic::x86_avx512_packssdw_512, SaturatedWords(*group[2 * i]),
                     SaturatedWords(*group[2 * i + 1]));
  }
  llvm::Value* bytes = join(llvm::Intrinsic::x86_avx512_packuswb_512, halves[0], halves[1]);
  llvm::Type* words = llvm::FixedVectorType::get(ir.getInt32Ty(), kStores * kWords);
  std::vector<int> picked;
  for (int vector = 0; vector < static_cast<int>(kStores); ++vector) {
    for (int word = 0; word < kWords; ++word) picked.push_back(word * kWords + vector);
  }
  return ir.CreateShuffleVector(ir.CreateBitCast(bytes, words), picked);
}

void Pack(const Group& group) {
  llvm::IRBuilder<> ir(LastOf(group));
  ir.CreateAlignedStore(Packed(ir, group), group[0]->getPointerOperand(), group[0]->getAlign());
  for (llvm::StoreInst* store : group) {
    llvm::Value* narrow = store->getValueOperand();
    store->eraseFromParent();
    llvm::RecursivelyDeleteTriviallyDeadInstructions(narrow);
  }
}

std::vector<Group> GroupsOf(llvm::BasicBlock& block) {
  std::map<Place, llvm::StoreInst*> stores;
  for (llvm::Instruction& at : block) {
    auto* store = llvm::dyn_cast<llvm::StoreInst>(&at);
    if (store != nullptr && SaturatedWords(*store) != nullptr) stores[PlaceOf(*store)] = store;
  }
  std::vector<Group> groups;
  Group group;
  Place next;
  for (const auto& [place, store] : stores) {
    if (place != next) group.clear();
    group.push_back(store);
    next = {place.first, place.second + kBytes};
    if (group.size() < kStores) continue;
    groups.push_back(std::exchange(group, {}));
  }
  return groups;
}

}  // namespace

void PackStores(llvm::Function& function) {
  for (llvm::BasicBlock& block : function) {
    std::vector<Group> groups = GroupsOf(block);
    std::erase_if(groups, [](const Group& group) { return !CanBeLater(group); });
    for (const Group& group : groups) Pack(group);
  }
}

}  // namespace tilewright
