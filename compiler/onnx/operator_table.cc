#include "compiler/onnx/operator_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "compiler/onnx/import.h"

namespace tilewright {
namespace {

struct TypeGroup {
  ElementTypes types;
  const char* name;
};

bool Contains(ElementTypes all, ElementTypes some) { return (all | some) == all; }

constexpr char kPageHead[] = R"(# Supported operators

Written by `tilewright operators --markdown`; a test checks that it is current. An operator is read
from the opset on that is named here, and in newer ones as far as it did not change. Types are those
of the data that it computes with: floats are float16, bfloat16, float32 and float64, integers int8
to int64 and uint8 to uint64, numbers both, any also bool. Sequences and optionals of tensors are
taken where it says so. What is drawn at random follows from the node's seed, or without one from
its name, and is the same in every run.

| operator | opset | types |
|---|---|---|
)";

std::string TypesOf(const SupportedOperator& op) {
  return absl::StrCat(TextOf(op.types), op.takes_sequences ? ", sequences" : "");
}

}  // namespace

std::string TextOf(ElementTypes types) {
  if (types == kEveryType) return "any";
  std::vector<std::string> words;
  for (const TypeGroup& group : {TypeGroup{kNumbers, "numbers"}, TypeGroup{kFloats, "floats"},
                                 TypeGroup{kIntegers, "integers"}}) {
    if (!Contains(types, group.types)) continue;
    words.push_back(group.name);
    types = types.Without(group.types);
  }
  for (DType type : kAllDTypes) {
    if (types.Has(type)) words.push_back(std::string(NameOf(type)));
  }
  return absl::StrJoin(words, " ");
}

std::string OperatorTable() {
  const std::vector<SupportedOperator> all = SupportedOperators();
  size_t width = 0;
  for (const SupportedOperator& op : all) width = std::max(width, op.name.size());
  std::string text;
  for (const SupportedOperator& op : all) {
    absl::StrAppendFormat(&text, "%-*s  %2d+  %s\n", static_cast<int>(width), op.name, op.since,
                          TypesOf(op));
  }
  return text;
}

std::string OperatorPage() {
  std::string text = kPageHead;
  for (const SupportedOperator& op : SupportedOperators()) {
    absl::StrAppend(&text, "| ", op.name, " | ", op.since, " | ", TypesOf(op), " |\n");
  }
  return text;
}

}  // namespace tilewright
