#include "compiler/graph/input_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tilewright {

const Buffer& InputList::BufferOf(ValueId value) {
  const auto at = std::find(values_.begin(), values_.end(), value);
  if (at != values_.end()) return buffers_[at - values_.begin()];
  const TensorType& type = graph_.values[value].type;
  buffers_.push_back(MakeBuffer(absl::StrCat("in", values_.size()), type.dtype, type.shape));
  values_.push_back(value);
  return buffers_.back();
}

void InputList::MoveTo(Node* node) {
  node->inputs = std::move(values_);
  node->compute.inputs = std::move(buffers_);
}

}  // namespace tilewright
