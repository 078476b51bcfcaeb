#include "compiler/operators/workload_rules.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/layout.h"
#include "compiler/operators/operator_def.h"

namespace tilewright {
namespace {

// Longer than any chain that models hold.
constexpr size_t kMaxEpilogueSteps = 32;

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("workload: ", what));
}

absl::StatusOr<const OperatorDef*> KnownOperator(const Workload& w) {
  if (const OperatorDef* def = FindOperator(w.op)) return def;
  const auto name = [](std::string* out, const OperatorEntry& entry) { out->append(entry.name); };
  return Bad(absl::StrCat("unknown operator \"", w.op,
                          "\"; known: ", absl::StrJoin(Operators(), ", ", name)));
}

absl::Status CheckInput(const Workload& w, const TensorType& input, std::optional<size_t> rank) {
  TW_RETURN_IF_ERROR(CheckShape(input.shape));
  if (rank && input.shape.size() != *rank) {
    return Bad(absl::StrCat(w.op, " needs inputs of rank ", *rank, ", found ", ToString(input)));
  }
  if (std::any_of(input.shape.begin(), input.shape.end(), [](int64_t d) { return d < 1; })) {
    return Bad(absl::StrCat("empty dimension in ", ToString(input)));
  }
  return absl::OkStatus();
}

absl::Status CheckInputs(const Workload& w, const OperatorDef& def) {
  std::vector<size_t> ranks = {def.data.letters.size(), def.weight.letters.size()};
  ranks.insert(ranks.end(), def.further.begin(), def.further.end());
  const size_t least = ranks.size() - def.optional;
  if (w.inputs.size() < least || w.inputs.size() > ranks.size()) {
    return Bad(absl::StrCat(w.op, " has ", least, " to ", ranks.size(), " inputs, found ",
                            w.inputs.size()));
  }
  for (size_t i = 0; i < w.inputs.size(); ++i) {
    TW_RETURN_IF_ERROR(CheckInput(w, w.inputs[i], ranks[i]));
  }
  return absl::OkStatus();
}

// Floats of one type, or integers of one width up to 16 bits, signed or not.
absl::Status CheckInputTypes(const TensorType& data, const TensorType& weight) {
  const bool floats = IsFloat(data.dtype) && data.dtype == weight.dtype && SizeOf(data.dtype) <= 4;
  const bool integers = IsInteger(data.dtype) && IsInteger(weight.dtype) &&
                        SizeOf(data.dtype) == SizeOf(weight.dtype) && SizeOf(data.dtype) <= 2;
  if (floats || integers) return absl::OkStatus();
  return Bad(absl::StrCat("data of type ", Sv(NameOf(data.dtype)), " and weight of type ",
                          Sv(NameOf(weight.dtype)),
                          " where both must be float32, float16 or bfloat16, or integers of 8 or "
                          "of 16 bits"));
}

// Sums are at least as wide as the products; a default is left out.
absl::Status CheckSumTypes(const Workload& w) {
  TW_RETURN_IF_ERROR(CheckInputTypes(w.inputs[0], w.inputs[1]));
  Workload plain = w;
  plain.acc = plain.out = std::nullopt;
  const DType data = w.inputs[0].dtype, acc = AccumulatorOf(w), out = OutputTypeOf(w);
  if (w.acc && acc == AccumulatorOf(plain)) return Bad("the default is spelled out as acc");
  plain.acc = w.acc;
  if (w.out && out == OutputTypeOf(plain)) return Bad("the default is spelled out as out");
  const bool sums = IsFloat(data) ? acc == DType::kF32 : acc == DType::kI32 || acc == DType::kI64;
  if (!sums) {
    return Bad(
        absl::StrCat("sums of type ", Sv(NameOf(acc)), " of data of type ", Sv(NameOf(data))));
  }
  // Of floats, which saturate; sums alone would wrap.
  const bool narrower = IsInteger(data) && IsInteger(out) && SizeOf(out) <= 2 &&
                        std::any_of(w.epilogue.begin(), w.epilogue.end(),
                                    [](const EpilogueOp& step) { return NeedsFloat(step.kind); });
  const bool fits = out == acc || narrower || (IsFloat(out) && SizeOf(out) <= 4);
  return fits ? absl::OkStatus()
              : Bad(absl::StrCat("an output of type ", Sv(NameOf(out)), " of sums of type ",
                                 Sv(NameOf(acc))));
}

absl::Status CheckLayout(const std::string& name, const LayoutRule& rule) {
  if (!rule.named) {
    if (name.empty()) return absl::OkStatus();
    return Bad(absl::StrCat("layout ", name, " where the plain one of ", Sv(rule.letters),
                            ", written as nothing, is needed"));
  }
  TW_ASSIGN_OR_RETURN(const Layout layout, Layout::Parse(name));
  std::string blocks;
  for (const Layout::Block& block : layout.blocks()) blocks += layout.letters()[block.dim];
  // In order and each at most once: the blocks are a subsequence of those allowed.
  size_t allowed = 0;
  for (const char letter : blocks) {
    allowed = rule.blocks.find(letter, allowed);
    if (allowed == rule.blocks.npos) break;
    ++allowed;
  }
  if (layout.letters() == rule.letters && allowed != rule.blocks.npos) return absl::OkStatus();
  return Bad(absl::StrCat("layout ", name, " where a form of ", Sv(rule.letters),
                          " is needed, blocked by at most one each of \"", Sv(rule.blocks),
                          "\" in that order"));
}

absl::Status CheckAttribute(const Workload& w, const AttributeRule& rule) {
  const auto it = w.attrs.find(std::string(rule.name));
  if (it == w.attrs.end() || it->second.size() != rule.count) {
    return Bad(
        absl::StrCat(w.op, " needs attribute ", Sv(rule.name), " with ", rule.count, " values"));
  }
  for (const int64_t value : it->second) {
    if (value >= rule.least && value <= kMostAttributeValue) continue;
    return Bad(absl::StrCat("attribute ", Sv(rule.name), " has value ", value, " outside ",
                            rule.least, " to ", kMostAttributeValue));
  }
  return absl::OkStatus();
}

absl::Status CheckAttributes(const Workload& w, const OperatorDef& def) {
  for (const AttributeRule& rule : def.attributes) {
    TW_RETURN_IF_ERROR(CheckAttribute(w, rule));
  }
  for (const auto& [name, values] : w.attrs) {
    const auto known = [&](const AttributeRule& rule) { return rule.name == name; };
    if (std::any_of(def.attributes.begin(), def.attributes.end(), known)) continue;
    const auto text = [](std::string* out, const AttributeRule& rule) { out->append(rule.name); };
    return Bad(absl::StrCat(w.op, " has no attribute \"", name,
                            "\"; it has: ", absl::StrJoin(def.attributes, ", ", text)));
  }
  return absl::OkStatus();
}

// Whether implementations of the step differ in the last bit, so that integers made of it would
// too.
bool IsTranscendental(EpilogueKind kind) {
  switch (kind) {
    case EpilogueKind::kSigmoid:
    case EpilogueKind::kTanh:
    case EpilogueKind::kSilu:
    case EpilogueKind::kGelu:
    case EpilogueKind::kGeluTanh: return true;
    default: return false;
  }
}

absl::Status CheckEpilogue(const Workload& w) {
  if (w.epilogue.size() > kMaxEpilogueSteps) {
    return Bad(
        absl::StrCat(w.epilogue.size(), " epilogue steps are more than ", kMaxEpilogueSteps));
  }
  const bool to_integers = !IsFloat(OutputTypeOf(w));
  for (size_t i = 0; i < w.epilogue.size(); ++i) {
    const EpilogueOp& step = w.epilogue[i];
    if (NeedsFloat(step.kind) && !IsFloat(StepTypeOf(w, i))) {
      return Bad(absl::StrCat(EpilogueText({step}), " of integers"));
    }
    if (to_integers && IsTranscendental(step.kind)) {
      return Bad(absl::StrCat(EpilogueText({step}), " before an output of integers"));
    }
    const bool is_clip = step.kind == EpilogueKind::kClip;
    if (is_clip && !(step.a <= step.b)) {  // false for NaN too
      return Bad(absl::StrCat("the bounds of ", EpilogueText({step}), " are not in order"));
    }
    if (!is_clip && !(std::isfinite(step.a) && std::isfinite(step.b))) {
      return Bad(absl::StrCat("the parameters of ", EpilogueText({step}), " are not finite"));
    }
  }
  return absl::OkStatus();
}

// What a workload with a definition has no use for is absent.
absl::Status CheckDefined(const Workload& w) {
  const bool plain = w.attrs.empty() && w.epilogue.empty() && !w.acc;
  if (!plain) return Bad(absl::StrCat(w.op, " has no attributes, no epilogue and no sums"));
  if (w.inputs.empty()) return Bad(absl::StrCat(w.op, " needs an input"));
  for (const TensorType& input : w.inputs) {
    TW_RETURN_IF_ERROR(CheckInput(w, input, std::nullopt));
  }
  return absl::OkStatus();
}

absl::Status CheckUndefined(const Workload& w, const OperatorDef& def) {
  if (!w.definition.empty()) return Bad(absl::StrCat(w.op, " takes no definition"));
  TW_RETURN_IF_ERROR(CheckInputs(w, def));
  return CheckSumTypes(w);
}

// Padding to whole blocks counts: these are the sizes that are allocated.
absl::Status CheckSizes(const Workload& w) {
  TW_RETURN_IF_ERROR(CheckShape(OutputShape(w)));
  for (const TensorType& type : ArgumentTypes(w)) TW_RETURN_IF_ERROR(CheckShape(type.shape));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Workload> ParseWorkload(std::string_view key) {
  TW_ASSIGN_OR_RETURN(Workload workload, ReadWorkloadKey(key));
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  return workload;
}

absl::Status CheckWorkload(const Workload& w) {
  TW_ASSIGN_OR_RETURN(const OperatorDef* def, KnownOperator(w));
  TW_RETURN_IF_ERROR(def->by_definition ? CheckDefined(w) : CheckUndefined(w, *def));
  TW_RETURN_IF_ERROR(CheckLayout(w.data_layout, def->data));
  TW_RETURN_IF_ERROR(CheckLayout(w.weight_layout, def->weight));
  TW_RETURN_IF_ERROR(CheckLayout(w.out_layout, def->out));
  TW_RETURN_IF_ERROR(CheckAttributes(w, *def));
  TW_RETURN_IF_ERROR(CheckEpilogue(w));
  TW_RETURN_IF_ERROR(def->check(w));
  return CheckSizes(w);
}

Shape OutputShape(const Workload& w) { return OperatorOf(w).output_shape(w); }

std::vector<TensorType> ArgumentTypes(const Workload& w) {
  const auto physical = [](const std::string& layout, const TensorType& logical) {
    if (layout.empty()) return logical;
    return TensorType{logical.dtype, Layout::Parse(layout).value().Physical(logical.shape)};
  };
  const Shape out = OutputShape(w);
  const TensorType out_type = physical(w.out_layout, {OutputTypeOf(w), out});
  std::vector<TensorType> types = w.inputs;
  types[0] = physical(w.data_layout, types[0]);
  if (types.size() > 1) types[1] = physical(w.weight_layout, types[1]);
  const OperatorDef& def = OperatorOf(w);
  const int64_t channels = out[def.channel];
  int64_t block = 1;
  if (def.out.named) {
    block = Layout::Parse(w.out_layout).value().BlockOf(def.out.letters[def.channel]);
  }
  for (size_t i = 0; i < w.epilogue.size(); ++i) {
    const EpilogueOperand operand = OperandOf(w.epilogue[i].kind);
    if (operand == EpilogueOperand::kPerChannel) {
      types.push_back({OperandTypeOf(w, i), {(channels + block - 1) / block * block}});
    } else if (operand == EpilogueOperand::kLikeOutput) {
      types.push_back(out_type);
    }
  }
  types.push_back(out_type);
  return types;
}

double Flops(const Workload& w) { return 2 * OperatorOf(w).multiply_adds(w); }

}  // namespace tilewright
