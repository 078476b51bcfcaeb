#include "compiler/targets/support/emit_memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "compiler/targets/support/emit_transpose.h"
#include "compiler/targets/support/flat_index.h"
#include "compiler/targets/support/narrow_floats.h"

namespace tilewright {
namespace {

constexpr int64_t kBaseAlignment = 64;  // of arguments and scratch buffers
constexpr int64_t kMaxStride = 4;       // loads of every 2nd to 4th element read what is between

llvm::Align AlignmentOf(const EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  const int64_t bytes = OffsetGranule(ctx, index) * static_cast<int64_t>(SizeOf(buffer.dtype));
  return llvm::Align(std::min(bytes, kBaseAlignment));
}

llvm::Align ElementAlignment(const BufferNode& buffer) { return llvm::Align(SizeOf(buffer.dtype)); }

// Memory holds booleans as bytes and 16-bit floats as bits.
llvm::Value* FromMemory(EmitContext& ctx, DType dtype, llvm::Value* value) {
  if (IsNarrowFloat(dtype)) return WidenFloat(ctx, dtype, value);
  return dtype == DType::kBool ? ctx.builder.CreateIsNotNull(value) : value;
}

llvm::Value* ToMemory(EmitContext& ctx, DType dtype, llvm::Value* value) {
  if (IsNarrowFloat(dtype)) return FloatBits(ctx, dtype, value);
  if (dtype != DType::kBool) return value;
  llvm::Type* byte = value->getType()->getWithNewType(ctx.builder.getInt8Ty());
  return ctx.builder.CreateZExt(value, byte);
}

llvm::VectorType* VectorOf(llvm::Type* element, unsigned count) {
  return llvm::FixedVectorType::get(element, count);
}

// One pointer a lane, before masking.
llvm::Value* ElementPointers(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  llvm::Value* address = EmitAddress(ctx, buffer, index);
  if (!index.linear) return IsVector(address) ? address : Widen(ctx, address);
  std::vector<llvm::Constant*> steps;
  for (unsigned lane = 0; lane < ctx.lanes.count; ++lane) {
    steps.push_back(ctx.builder.getInt64(lane * index.lane_coefficient));
  }
  return ctx.builder.CreateGEP(MemoryType(ctx, buffer.dtype), address,
                               llvm::ConstantVector::get(steps));
}

// One pointer a lane; lanes that are off point nowhere. (LLVM 19's masked gathers of vectors that
// it has to widen can name one register as result and as index, which CPUs refuse.)
llvm::Value* LanePointers(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  llvm::Value* pointers = ElementPointers(ctx, buffer, index);
  if (ctx.mask == nullptr) return pointers;
  return ctx.builder.CreateSelect(ctx.mask, pointers, Widen(ctx, ctx.nowhere));
}

// Elements 0, 2, 4, ... of two vectors, the second of which ends with the last lane's element: as
// one load of an odd number of elements LLVM would cut them into many.
llvm::Value* LoadEverySecond(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  const unsigned count = ctx.lanes.count;
  llvm::Type* element = MemoryType(ctx, buffer.dtype);
  llvm::Value* first = EmitAddress(ctx, buffer, index);
  llvm::Value* second = ctx.builder.CreateConstGEP1_64(element, first, count - 1);
  llvm::VectorType* type = VectorOf(element, count);
  llvm::Value* low = ctx.builder.CreateAlignedLoad(type, first, AlignmentOf(ctx, buffer, index));
  llvm::Value* high = ctx.builder.CreateAlignedLoad(type, second, ElementAlignment(buffer));
  std::vector<int> picked;
  for (unsigned at = 0; at < 2 * count; at += 2) picked.push_back(at < count ? at : at + 1);
  return ctx.builder.CreateShuffleVector(low, high, picked);
}

llvm::Value* LoadLaneByLane(EmitContext& ctx, const BufferNode& buffer, llvm::Value* pointers) {
  llvm::IRBuilder<>& b = ctx.builder;
  llvm::Type* element = MemoryType(ctx, buffer.dtype);
  llvm::Value* result = llvm::PoisonValue::get(VectorOf(element, ctx.lanes.count));
  for (unsigned lane = 0; lane < ctx.lanes.count; ++lane) {
    llvm::Value* pointer = b.CreateExtractElement(pointers, lane);
    llvm::Value* value = b.CreateAlignedLoad(element, pointer, ElementAlignment(buffer));
    result = b.CreateInsertElement(result, value, lane);
  }
  return result;
}

// The next power of two: what LLVM widens a vector of `count` elements to.
unsigned WidenedCount(unsigned count) { return std::bit_ceil(count); }

// x86 masks elements of 4 and 8 bytes.
bool MasksElements(const EmitContext& ctx, const BufferNode& buffer) {
  return ctx.masked_memory && SizeOf(buffer.dtype) >= 4;
}

// True when vectors of this many elements are cheaper to move under a constant mask than in the
// pieces of 8, 4, 2, 1 that LLVM would cut them into.
bool MovesUnderMask(const EmitContext& ctx, const BufferNode& buffer) {
  return MasksElements(ctx, buffer) && buffer.scope == Scope::kGlobal && ctx.lanes.count > 2 &&
         !std::has_single_bit(ctx.lanes.count);
}

llvm::Value* LaneMask(EmitContext& ctx) {
  if (ctx.mask != nullptr) return ctx.mask;
  return ctx.builder.CreateVectorSplat(ctx.lanes.count, ctx.builder.getTrue());
}

// The lanes of the loop followed by those that widening adds, which are off.
llvm::Value* WidenedMask(EmitContext& ctx) {
  const unsigned count = ctx.lanes.count;
  llvm::Value* mask = LaneMask(ctx);
  std::vector<int> picked;
  for (unsigned i = 0; i < WidenedCount(count); ++i) picked.push_back(std::min(i, count));
  return ctx.builder.CreateShuffleVector(mask, llvm::Constant::getNullValue(mask->getType()),
                                         picked);
}

// `count` lanes as the vector that LLVM widens them to, and back.
llvm::Value* Resized(EmitContext& ctx, llvm::Value* value, unsigned count) {
  std::vector<int> picked;
  for (unsigned i = 0; i < count; ++i) {
    picked.push_back(i < ctx.lanes.count ? static_cast<int>(i) : llvm::PoisonMaskElem);
  }
  return ctx.builder.CreateShuffleVector(value, picked);
}

llvm::Value* LoadUnderMask(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  llvm::VectorType* type = VectorOf(MemoryType(ctx, buffer.dtype), WidenedCount(ctx.lanes.count));
  llvm::Value* all = ctx.builder.CreateMaskedLoad(type, EmitAddress(ctx, buffer, index),
                                                  AlignmentOf(ctx, buffer, index), WidenedMask(ctx),
                                                  llvm::Constant::getNullValue(type));
  return Resized(ctx, all, ctx.lanes.count);
}

// LoadEverySecond where lanes are off, or of a number of lanes that LLVM would cut into pieces:
// what lies between the lanes is off, too.
llvm::Value* LoadEverySecondUnderMask(EmitContext& ctx, const BufferNode& buffer,
                                      const FlatIndex& index) {
  const unsigned count = ctx.lanes.count, width = WidenedCount(count);
  llvm::Type* element = MemoryType(ctx, buffer.dtype);
  llvm::VectorType* type = VectorOf(element, width);
  llvm::Value *mask = LaneMask(ctx), *first = EmitAddress(ctx, buffer, index), *halves[2];
  std::vector<int> picked;
  for (const bool last : {false, true}) {
    const unsigned start = last ? 2 * count - 1 - width : 0;
    std::vector<int> on(width, static_cast<int>(count));  // `count` picks an element that is off
    for (unsigned lane = 0; lane < count; ++lane) {
      if ((2 * lane >= width) != last) continue;
      on[2 * lane - start] = static_cast<int>(lane);
      picked.push_back(static_cast<int>((last ? width : 0) + 2 * lane - start));
    }
    llvm::Constant* off = llvm::Constant::getNullValue(mask->getType());
    halves[last] = ctx.builder.CreateMaskedLoad(
        type, ctx.builder.CreateConstGEP1_64(element, first, start), ElementAlignment(buffer),
        ctx.builder.CreateShuffleVector(mask, off, on), llvm::Constant::getNullValue(type));
  }
  return ctx.builder.CreateShuffleVector(halves[0], halves[1], picked);
}

// Elements 0, stride, 2 * stride, ... of one wide load that ends with the last lane's element.
llvm::Value* LoadStrided(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  const unsigned stride = index.lane_coefficient;
  if (stride == 2 && MovesUnderMask(ctx, buffer)) {
    return LoadEverySecondUnderMask(ctx, buffer, index);
  }
  if (stride == 2) return LoadEverySecond(ctx, buffer, index);
  llvm::VectorType* wide =
      VectorOf(MemoryType(ctx, buffer.dtype), (ctx.lanes.count - 1) * stride + 1);
  llvm::Value* all = ctx.builder.CreateAlignedLoad(wide, EmitAddress(ctx, buffer, index),
                                                   AlignmentOf(ctx, buffer, index));
  std::vector<int> picked;
  for (unsigned lane = 0; lane < ctx.lanes.count; ++lane) picked.push_back(lane * stride);
  return ctx.builder.CreateShuffleVector(all, picked);
}

llvm::Value* LoadContiguous(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  if (MovesUnderMask(ctx, buffer)) return LoadUnderMask(ctx, buffer, index);
  return ctx.builder.CreateAlignedLoad(VectorOf(MemoryType(ctx, buffer.dtype), ctx.lanes.count),
                                       EmitAddress(ctx, buffer, index),
                                       AlignmentOf(ctx, buffer, index));
}

// True for a column of a square register tile, or its first elements.
bool IsTileColumn(const EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  if (buffer.scope != Scope::kRegister || buffer.shape.size() != 2) return false;
  const int64_t side = buffer.shape[1];
  const auto* first = llvm::dyn_cast<llvm::ConstantInt>(ctx.lanes.first);
  return buffer.shape[0] == side && std::has_single_bit(static_cast<uint64_t>(side)) &&
         index.linear && index.terms.empty() && index.lane_coefficient == side &&
         index.constant < side && ctx.lanes.count <= side && first != nullptr && first->isZero();
}

// Whole rows, so that the tile stays in registers, and the column by shuffles.
llvm::Value* LoadTileColumn(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  const int64_t side = buffer.shape[1];
  llvm::Type* element = MemoryType(ctx, buffer.dtype);
  llvm::VectorType* type = VectorOf(element, side);
  const llvm::Align align(std::min<int64_t>(side * SizeOf(buffer.dtype), kBaseAlignment));
  std::vector<llvm::Value*> rows(side, llvm::PoisonValue::get(type));
  for (unsigned i = 0; i < ctx.lanes.count; ++i) {
    llvm::Value* row = ctx.builder.CreateConstGEP1_64(element, ctx.buffers.at(&buffer), i * side);
    rows[i] = ctx.builder.CreateAlignedLoad(type, row, align);
  }
  llvm::Value* column = EmitColumn(ctx.builder, rows, index.constant);
  if (ctx.lanes.count == side) return column;
  std::vector<int> picked;
  for (unsigned i = 0; i < ctx.lanes.count; ++i) picked.push_back(static_cast<int>(i));
  return ctx.builder.CreateShuffleVector(column, picked);
}

llvm::Value* LoadVector(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  if (IsTileColumn(ctx, buffer, index)) return LoadTileColumn(ctx, buffer, index);
  if (index.linear && index.lane_coefficient == 1) return LoadContiguous(ctx, buffer, index);
  if (index.linear && index.lane_coefficient > 1 && index.lane_coefficient <= kMaxStride) {
    return LoadStrided(ctx, buffer, index);
  }
  return LoadLaneByLane(ctx, buffer, LanePointers(ctx, buffer, index));
}

// What all lanes read that are on; something where none is. (LLVM 19 cannot widen vectors of one
// pointer for numbers of lanes that are no power of two.)
llvm::Value* LoadUniformMasked(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  llvm::Value* any = ctx.builder.CreateOrReduce(ctx.mask);
  llvm::Value* pointer =
      ctx.builder.CreateSelect(any, EmitAddress(ctx, buffer, index), ctx.nowhere);
  return ctx.builder.CreateAlignedLoad(MemoryType(ctx, buffer.dtype), pointer,
                                       ElementAlignment(buffer));
}

// Lanes that are off read something.
llvm::Value* LoadMasked(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  llvm::VectorType* type = VectorOf(MemoryType(ctx, buffer.dtype), ctx.lanes.count);
  if (index.linear && index.lane_coefficient == 1) {
    if (MovesUnderMask(ctx, buffer)) return LoadUnderMask(ctx, buffer, index);
    return ctx.builder.CreateMaskedLoad(type, EmitAddress(ctx, buffer, index),
                                        AlignmentOf(ctx, buffer, index), ctx.mask,
                                        llvm::Constant::getNullValue(type));
  }
  if (index.linear && index.lane_coefficient == 2 && MasksElements(ctx, buffer)) {
    return LoadEverySecondUnderMask(ctx, buffer, index);
  }
  return LoadLaneByLane(ctx, buffer, LanePointers(ctx, buffer, index));
}

void StoreLaneByLane(EmitContext& ctx, const BufferNode& buffer, llvm::Value* value,
                     llvm::Value* pointers) {
  llvm::IRBuilder<>& b = ctx.builder;
  for (unsigned lane = 0; lane < ctx.lanes.count; ++lane) {
    b.CreateAlignedStore(b.CreateExtractElement(value, lane),
                         b.CreateExtractElement(pointers, lane), ElementAlignment(buffer));
  }
}

void StoreContiguous(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index,
                     llvm::Value* value) {
  llvm::IRBuilder<>& b = ctx.builder;
  llvm::Value* address = EmitAddress(ctx, buffer, index);
  const llvm::Align align = AlignmentOf(ctx, buffer, index);
  if (MovesUnderMask(ctx, buffer)) {
    llvm::Value* mask = WidenedMask(ctx);
    b.CreateMaskedStore(Resized(ctx, value, WidenedCount(ctx.lanes.count)), address, align, mask);
    return;
  }
  if (ctx.mask == nullptr) {
    b.CreateAlignedStore(value, address, align);
  } else {
    b.CreateMaskedStore(value, address, align, ctx.mask);
  }
}

// Memory becomes registers only if every access is a whole vector.
void StoreToRegister(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index,
                     llvm::Value* value) {
  llvm::IRBuilder<>& b = ctx.builder;
  llvm::Value* address = EmitAddress(ctx, buffer, index);
  const llvm::Align align = AlignmentOf(ctx, buffer, index);
  llvm::Value* old = b.CreateAlignedLoad(value->getType(), address, align);
  b.CreateAlignedStore(b.CreateSelect(ctx.mask, value, old), address, align);
}

void StoreVector(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index,
                 llvm::Value* value) {
  if (index.linear && index.lane_coefficient == 1) {
    return StoreContiguous(ctx, buffer, index, value);
  }
  StoreLaneByLane(ctx, buffer, value, LanePointers(ctx, buffer, index));
}

}  // namespace

llvm::Value* EmitLoad(EmitContext& ctx, const Expr& e) {
  const BufferNode& buffer = *e->buffer;
  const FlatIndex index = Flatten(ctx, buffer, e->operands);
  const bool uniform = index.linear && index.lane_coefficient == 0;
  const bool masked = ctx.mask != nullptr && !IsInBounds(ctx, buffer, e->operands);
  llvm::Value* value = nullptr;
  if (masked && uniform) {
    value = LoadUniformMasked(ctx, buffer, index);
  } else if (masked) {
    value = LoadMasked(ctx, buffer, index);
  } else if (uniform) {
    value = ctx.builder.CreateAlignedLoad(MemoryType(ctx, buffer.dtype),
                                          EmitAddress(ctx, buffer, index),
                                          AlignmentOf(ctx, buffer, index));
  } else {
    value = LoadVector(ctx, buffer, index);
  }
  return FromMemory(ctx, buffer.dtype, value);
}

void EmitStore(EmitContext& ctx, const BufferNode& buffer, const std::vector<Expr>& indices,
               llvm::Value* value) {
  const FlatIndex index = Flatten(ctx, buffer, indices);
  if (ctx.lanes.var != nullptr) {
    llvm::Value* vector = ToMemory(ctx, buffer.dtype, Widen(ctx, value));
    const bool blend = ctx.mask != nullptr && buffer.scope == Scope::kRegister && index.linear &&
                       index.lane_coefficient == 1 && IsInBounds(ctx, buffer, indices);
    return blend ? StoreToRegister(ctx, buffer, index, vector)
                 : StoreVector(ctx, buffer, index, vector);
  }
  ctx.builder.CreateAlignedStore(ToMemory(ctx, buffer.dtype, value),
                                 EmitAddress(ctx, buffer, index), AlignmentOf(ctx, buffer, index));
}

}  // namespace tilewright
