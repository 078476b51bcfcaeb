#include "compiler/core/workload.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/layout.h"
#include "compiler/core/operator_rules.h"

namespace tilewright {
namespace {

constexpr size_t kMaxKeyBytes = 16 << 10;
// Longer than any chain that models hold.
constexpr size_t kMaxEpilogueSteps = 32;

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("workload: ", what));
}

std::string StepText(const EpilogueOp& step) {
  switch (step.kind) {
    case EpilogueKind::kBias: return "+bias";
    case EpilogueKind::kAdd: return "+add";
    case EpilogueKind::kRelu: return "+relu";
    case EpilogueKind::kClip: return absl::StrFormat("+clip(%.17g,%.17g)", step.lo, step.hi);
    case EpilogueKind::kSigmoid: return "+sigmoid";
    case EpilogueKind::kTanh: return "+tanh";
  }
  return "";
}

absl::StatusOr<EpilogueOp> ParseStep(absl::string_view text) {
  for (EpilogueKind kind : {EpilogueKind::kBias, EpilogueKind::kAdd, EpilogueKind::kRelu,
                            EpilogueKind::kSigmoid, EpilogueKind::kTanh}) {
    if (StepText({.kind = kind}).substr(1) == text) return EpilogueOp{.kind = kind};
  }
  EpilogueOp clip{.kind = EpilogueKind::kClip};
  if (absl::StartsWith(text, "clip(") && absl::EndsWith(text, ")")) {
    const std::vector<absl::string_view> bounds =
        absl::StrSplit(text.substr(5, text.size() - 6), ',');
    if (bounds.size() == 2 && absl::SimpleAtod(bounds[0], &clip.lo) &&
        absl::SimpleAtod(bounds[1], &clip.hi)) {
      return clip;
    }
  }
  return Bad(absl::StrCat("unknown epilogue step \"", text, "\""));
}

absl::Status ParseAttr(absl::string_view text, Workload* workload) {
  const std::pair<absl::string_view, absl::string_view> sides = absl::StrSplit(text, '=');
  std::vector<int64_t> values;
  for (absl::string_view item : absl::StrSplit(sides.second, ',', absl::SkipEmpty())) {
    int64_t value;
    if (!absl::SimpleAtoi(item, &value)) return Bad(absl::StrCat("attribute \"", text, "\""));
    values.push_back(value);
  }
  if (!workload->attrs.emplace(sides.first, std::move(values)).second) {
    return Bad(absl::StrCat("attribute \"", sides.first, "\" twice"));
  }
  return absl::OkStatus();
}

// Splits "float32[1,2],float32[3]" at the commas outside brackets.
std::vector<std::string> SplitTypes(absl::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (char c : text) {
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// REQUIRES: CheckWorkload passed, or has come to the rules themselves.
const OperatorRules& RulesOf(const Workload& w) {
  const OperatorRules* rules = FindOperatorRules(w.op);
  TW_CHECK(rules != nullptr) << "no operator " << w.op;
  return *rules;
}

absl::StatusOr<const OperatorRules*> KnownRules(const Workload& w) {
  if (const OperatorRules* rules = FindOperatorRules(w.op)) return rules;
  const auto name = [](std::string* out, const OperatorRules& r) { out->append(r.name); };
  return Bad(absl::StrCat("unknown operator \"", w.op,
                          "\"; known: ", absl::StrJoin(AllOperatorRules(), ", ", name)));
}

absl::Status CheckInput(const Workload& w, const TensorType& input, size_t rank) {
  TW_RETURN_IF_ERROR(CheckShape(input.shape));
  if (input.shape.size() != rank) {
    return Bad(absl::StrCat(w.op, " needs inputs of rank ", rank, ", found ", ToString(input)));
  }
  if (std::any_of(input.shape.begin(), input.shape.end(), [](int64_t d) { return d < 1; })) {
    return Bad(absl::StrCat("empty dimension in ", ToString(input)));
  }
  if (input.dtype != DType::kF32) return Bad("only float32 workloads are supported");
  return absl::OkStatus();
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

absl::Status CheckAttributes(const Workload& w, const OperatorRules& rules) {
  for (const AttributeRule& rule : rules.attributes) {
    TW_RETURN_IF_ERROR(CheckAttribute(w, rule));
  }
  for (const auto& [name, values] : w.attrs) {
    const auto known = [&](const AttributeRule& rule) { return rule.name == name; };
    if (std::any_of(rules.attributes.begin(), rules.attributes.end(), known)) continue;
    const auto text = [](std::string* out, const AttributeRule& rule) { out->append(rule.name); };
    return Bad(absl::StrCat(w.op, " has no attribute \"", name,
                            "\"; it has: ", absl::StrJoin(rules.attributes, ", ", text)));
  }
  return absl::OkStatus();
}

absl::Status CheckEpilogue(const Workload& w) {
  if (w.epilogue.size() > kMaxEpilogueSteps) {
    return Bad(
        absl::StrCat(w.epilogue.size(), " epilogue steps are more than ", kMaxEpilogueSteps));
  }
  for (const EpilogueOp& step : w.epilogue) {
    // False for NaN too.
    const bool fits = step.kind != EpilogueKind::kClip || step.lo <= step.hi;
    if (!fits) return Bad(absl::StrCat("the bounds of ", StepText(step), " are not in order"));
  }
  return absl::OkStatus();
}

// Padding to whole blocks counts: these are the sizes that are allocated.
absl::Status CheckSizes(const Workload& w) {
  TW_RETURN_IF_ERROR(CheckShape(OutputShape(w)));
  for (const TensorType& type : ArgumentTypes(w)) TW_RETURN_IF_ERROR(CheckShape(type.shape));
  return absl::OkStatus();
}

}  // namespace

std::string EpilogueText(const std::vector<EpilogueOp>& epilogue) {
  std::string text;
  for (const EpilogueOp& step : epilogue) text += StepText(step);
  return text;
}

std::string Workload::Key() const {
  std::string key = absl::StrCat(op, "(");
  absl::StrAppend(&key, absl::StrJoin(inputs, ",", [](std::string* out, const TensorType& type) {
    out->append(ToString(type));
  }));
  for (const auto& [name, values] : attrs) {
    absl::StrAppend(&key, ";", name, "=", absl::StrJoin(values, ","));
  }
  absl::StrAppend(&key, ";", data_layout, ",", weight_layout, ",", out_layout, ")");
  return key + EpilogueText(epilogue);
}

const std::vector<int64_t>& Workload::Attr(std::string_view name) const {
  const auto it = attrs.find(std::string(name));
  TW_CHECK(it != attrs.end()) << "workload " << op << " has no attribute " << name;
  return it->second;
}

double Workload::Flops() const { return 2 * RulesOf(*this).multiply_adds(*this); }

absl::StatusOr<Workload> ParseWorkload(std::string_view key) {
  if (key.size() > kMaxKeyBytes) return Bad("key longer than 16 KiB");
  const absl::string_view text = Sv(key);
  const size_t open = text.find('(');
  // The argument list ends at the first ')' since types, attributes and layouts have none.
  const size_t close = text.find(')');
  if (open == text.npos || close == text.npos || close < open) return Bad("missing parentheses");
  Workload workload;
  workload.op = std::string(text.substr(0, open));
  const std::vector<absl::string_view> fields =
      absl::StrSplit(text.substr(open + 1, close - open - 1), ';');
  if (fields.size() < 2) return Bad("missing layouts");
  for (const std::string& type : SplitTypes(fields.front())) {
    TW_ASSIGN_OR_RETURN(TensorType parsed, ParseTensorType(type));
    workload.inputs.push_back(std::move(parsed));
  }
  for (size_t i = 1; i + 1 < fields.size(); ++i) {
    TW_RETURN_IF_ERROR(ParseAttr(fields[i], &workload));
  }
  const std::vector<std::string> layouts = absl::StrSplit(fields.back(), ',');
  if (layouts.size() != 3) return Bad("expected three layouts");
  workload.data_layout = layouts[0];
  workload.weight_layout = layouts[1];
  workload.out_layout = layouts[2];
  for (absl::string_view step : absl::StrSplit(text.substr(close + 1), '+', absl::SkipEmpty())) {
    TW_ASSIGN_OR_RETURN(EpilogueOp parsed, ParseStep(step));
    workload.epilogue.push_back(parsed);
  }
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  return workload;
}

absl::Status CheckWorkload(const Workload& w) {
  TW_ASSIGN_OR_RETURN(const OperatorRules* rules, KnownRules(w));
  if (w.inputs.size() != 2) return Bad("expected two inputs, data and weight");
  TW_RETURN_IF_ERROR(CheckInput(w, w.inputs[0], rules->data.letters.size()));
  TW_RETURN_IF_ERROR(CheckInput(w, w.inputs[1], rules->weight.letters.size()));
  TW_RETURN_IF_ERROR(CheckLayout(w.data_layout, rules->data));
  TW_RETURN_IF_ERROR(CheckLayout(w.weight_layout, rules->weight));
  TW_RETURN_IF_ERROR(CheckLayout(w.out_layout, rules->out));
  TW_RETURN_IF_ERROR(CheckAttributes(w, *rules));
  TW_RETURN_IF_ERROR(CheckEpilogue(w));
  TW_RETURN_IF_ERROR(rules->check(w));
  return CheckSizes(w);
}

Shape OutputShape(const Workload& w) { return RulesOf(w).output_shape(w); }

std::vector<TensorType> ArgumentTypes(const Workload& w) {
  const auto physical = [](const std::string& layout, const Shape& logical) {
    const Shape shape = layout.empty() ? logical : Layout::Parse(layout).value().Physical(logical);
    return TensorType{.dtype = DType::kF32, .shape = shape};
  };
  const Shape out = OutputShape(w);
  const TensorType out_type = physical(w.out_layout, out);
  std::vector<TensorType> types = {physical(w.data_layout, w.inputs[0].shape),
                                   physical(w.weight_layout, w.inputs[1].shape)};
  const OperatorRules& rules = RulesOf(w);
  const int64_t channels = out[rules.channel];
  int64_t block = 1;
  if (rules.out.named) {
    block = Layout::Parse(w.out_layout).value().BlockOf(rules.out.letters[rules.channel]);
  }
  for (const EpilogueOp& step : w.epilogue) {
    if (step.kind == EpilogueKind::kBias) {
      types.push_back({DType::kF32, {(channels + block - 1) / block * block}});
    } else if (step.kind == EpilogueKind::kAdd) {
      types.push_back(out_type);
    }
  }
  types.push_back(out_type);
  return types;
}

}  // namespace tilewright
