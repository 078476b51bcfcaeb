#include "compiler/onnx/string_sets.h"

#include <utility>

#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

bool HasNames(const OpBuilder& b, ValueId value) { return IsTensor(value) && b.IsStrings(value); }

// The value's strings as places in `all`, where those of its own table begin at `begin`.
absl::StatusOr<ValueId> MovedTo(OpBuilder& b, ValueId value, const StringTensor& all,
                                int64_t begin) {
  const auto count = static_cast<int64_t>(b.ClassesOf(value)->size());
  if (count == 0 || all.names == *b.ClassesOf(value)) return value;
  const ValueId table = b.Constant(all.places);
  TW_ASSIGN_OR_RETURN(const ValueId moved, b.Emit({.op = "string_set",
                                                   .inputs = {value, table},
                                                   .type = b.TypeOf(value),
                                                   .body = [&](const Point& p) {
                                                     return p.Load(
                                                         1, {SafeIndex(p.Here(0), count) + begin});
                                                   }}));
  b.SetClasses(moved, all.names);
  return moved;
}

}  // namespace

absl::StatusOr<std::vector<ValueId>> InOneSet(OpBuilder& b, std::vector<ValueId> values) {
  Names texts;
  for (ValueId value : values) {
    if (!HasNames(b, value)) continue;
    const Names& names = *b.ClassesOf(value);
    texts.insert(texts.end(), names.begin(), names.end());
  }
  const StringTensor all = PlacesOf(texts, {static_cast<int64_t>(texts.size())});
  int64_t begin = 0;
  for (ValueId& value : values) {
    if (!HasNames(b, value)) continue;
    const auto count = static_cast<int64_t>(b.ClassesOf(value)->size());
    TW_ASSIGN_OR_RETURN(value, MovedTo(b, value, all, begin));
    begin += count;
  }
  return values;
}

}  // namespace tilewright
