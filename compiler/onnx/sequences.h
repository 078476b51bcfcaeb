// Sequences and optionals of a model. What they hold is known when the model is imported: a
// sequence is a list of tensors, an optional its element or nothing. Their ids lie below those of
// the graph's values, so that names, bodies and operators pass them on as they pass tensors.
#pragma once

#include <utility>
#include <vector>

#include "compiler/graph/graph.h"

namespace tilewright {

// An optional that holds nothing. One that holds something is what it holds.
inline constexpr ValueId kAbsent = kNoValue - 1;

inline bool IsTensor(ValueId id) { return id > kNoValue; }
inline bool IsSequence(ValueId id) { return id < kAbsent; }

// A list that only grows: a sequence with an element more is another sequence.
class Sequences {
 public:
  ValueId Add(std::vector<ValueId> tensors) {
    lists_.push_back(std::move(tensors));
    return kAbsent - static_cast<ValueId>(lists_.size());
  }
  // REQUIRES: IsSequence(id), and Add gave it.
  const std::vector<ValueId>& Of(ValueId id) const {
    return lists_[static_cast<size_t>(kAbsent - id) - 1];
  }

 private:
  std::vector<std::vector<ValueId>> lists_;
};

}  // namespace tilewright
