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

namespace tilewright {
namespace {

constexpr size_t kMaxKeyBytes = 16 << 10;

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

// acc=int64 or out=float32; a default that is written is as one that is not.
absl::Status ParseType(absl::string_view name, absl::string_view text, Workload* workload) {
  const bool is_acc = name == "acc";
  std::optional<DType>& field = is_acc ? workload->acc : workload->out;
  if (field) return Bad(absl::StrCat("type \"", name, "\" twice"));
  field = ParseDType(Std(text));
  if (!field) return Bad(absl::StrCat("type \"", name, "=", text, "\""));
  return absl::OkStatus();
}

// A default that is spelled out becomes one that is not, so that equal workloads are equal values.
void DropDefaults(Workload* workload) {
  Workload plain = *workload;
  plain.acc = plain.out = std::nullopt;
  if (workload->acc == AccumulatorOf(plain)) workload->acc.reset();
  plain.acc = workload->acc;
  if (workload->out == OutputTypeOf(plain)) workload->out.reset();
}

absl::Status ParseAttr(absl::string_view text, Workload* workload) {
  const std::pair<absl::string_view, absl::string_view> sides = absl::StrSplit(text, '=');
  if (sides.first == "acc" || sides.first == "out") {
    return ParseType(sides.first, sides.second, workload);
  }
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

}  // namespace

EpilogueOperand OperandOf(EpilogueKind kind) {
  switch (kind) {
    case EpilogueKind::kBias: return EpilogueOperand::kPerChannel;
    case EpilogueKind::kAdd: return EpilogueOperand::kLikeOutput;
    default: return EpilogueOperand::kNone;
  }
}

DType AccumulatorOf(const Workload& workload) {
  return workload.acc.value_or(AccumulatorOf(workload.inputs.at(0).dtype));
}

DType OutputTypeOf(const Workload& workload) {
  if (workload.out) return *workload.out;
  const DType data = workload.inputs.at(0).dtype;
  return IsFloat(data) ? data : AccumulatorOf(workload);
}

DType EpilogueTypeOf(const Workload& workload) {
  const DType acc = AccumulatorOf(workload), out = OutputTypeOf(workload);
  return IsFloat(out) && !IsFloat(acc) ? out : acc;
}

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
  if (acc) absl::StrAppend(&key, ";acc=", Sv(NameOf(*acc)));
  if (out) absl::StrAppend(&key, ";out=", Sv(NameOf(*out)));
  absl::StrAppend(&key, ";", data_layout, ",", weight_layout, ",", out_layout, ")");
  return key + EpilogueText(epilogue);
}

const std::vector<int64_t>& Workload::Attr(std::string_view name) const {
  const auto it = attrs.find(std::string(name));
  TW_CHECK(it != attrs.end()) << "workload " << op << " has no attribute " << name;
  return it->second;
}

absl::StatusOr<Workload> ReadWorkloadKey(std::string_view key) {
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
  DropDefaults(&workload);
  return workload;
}

}  // namespace tilewright
