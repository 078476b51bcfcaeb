#include "compiler/core/workload.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

void AppendNumbers(const std::vector<int64_t>& numbers, std::string* text) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof(digits), numbers[i]).ptr;
    if (i > 0) text->push_back(',');
    text->append(digits, end);
  }
}

struct StepRule {
  EpilogueKind kind;
  absl::string_view name;
  int parameters = 0;
  EpilogueOperand operand = EpilogueOperand::kNone;
  bool needs_float = true;
};
constexpr StepRule kSteps[] = {
    {EpilogueKind::kBias, "bias", 0, EpilogueOperand::kPerChannel, false},
    {EpilogueKind::kAdd, "add", 0, EpilogueOperand::kLikeOutput, false},
    {EpilogueKind::kRelu, "relu", 0, EpilogueOperand::kNone, false},
    {EpilogueKind::kClip, "clip", 2, EpilogueOperand::kNone, false},
    {EpilogueKind::kSigmoid, "sigmoid"},
    {EpilogueKind::kTanh, "tanh"},
    {EpilogueKind::kLinear, "linear", 2},
    {EpilogueKind::kScale, "scale", 0, EpilogueOperand::kPerChannel},
    {EpilogueKind::kMul, "mul", 0, EpilogueOperand::kLikeOutput},
    {EpilogueKind::kLeakyRelu, "leaky_relu", 1},
    {EpilogueKind::kPRelu, "prelu", 0, EpilogueOperand::kPerChannel},
    {EpilogueKind::kSilu, "silu"},
    {EpilogueKind::kHardSwish, "hard_swish"},
    {EpilogueKind::kGelu, "gelu"},
    {EpilogueKind::kGeluTanh, "gelu_tanh"},
    {EpilogueKind::kRound, "round"},
};

const StepRule& RuleOf(EpilogueKind kind) {
  const auto* rule = std::find_if(std::begin(kSteps), std::end(kSteps),
                                  [&](const StepRule& r) { return r.kind == kind; });
  TW_CHECK(rule != std::end(kSteps));
  return *rule;
}

std::string StepText(const EpilogueOp& step) {
  const StepRule& rule = RuleOf(step.kind);
  std::string text = absl::StrCat("+", rule.name);
  if (rule.parameters == 1) absl::StrAppendFormat(&text, "(%.17g)", step.a);
  if (rule.parameters == 2) absl::StrAppendFormat(&text, "(%.17g,%.17g)", step.a, step.b);
  return text;
}

// name, name(a) or name(a,b), as the kind has parameters.
absl::StatusOr<EpilogueOp> ParseStep(absl::string_view text) {
  const absl::Status unknown = Bad(absl::StrCat("unknown epilogue step \"", text, "\""));
  const size_t open = std::min(text.find('('), text.size());
  std::vector<absl::string_view> values;
  if (open < text.size()) {
    if (!absl::EndsWith(text, ")")) return unknown;
    values = absl::StrSplit(text.substr(open + 1, text.size() - open - 2), ',');
  }
  for (const StepRule& rule : kSteps) {
    if (rule.name != text.substr(0, open)) continue;
    EpilogueOp step{.kind = rule.kind};
    const bool read = static_cast<int>(values.size()) == rule.parameters &&
                      (values.empty() || absl::SimpleAtod(values[0], &step.a)) &&
                      (values.size() < 2 || absl::SimpleAtod(values[1], &step.b));
    return read ? absl::StatusOr<EpilogueOp>(step) : unknown;
  }
  return unknown;
}

// The steps of "+clip(0,1e+38)+relu"; a plus sign in parentheses is a number's.
absl::StatusOr<std::vector<EpilogueOp>> ParseSteps(absl::string_view text) {
  std::vector<EpilogueOp> steps;
  while (!text.empty()) {
    if (text[0] != '+') return Bad(absl::StrCat("\"", text, "\" after the layouts"));
    size_t end = 1;
    for (bool inside = false; end < text.size() && (inside || text[end] != '+'); ++end) {
      inside = text[end] == '(' || (inside && text[end] != ')');
    }
    TW_ASSIGN_OR_RETURN(const EpilogueOp step, ParseStep(text.substr(1, end - 1)));
    steps.push_back(step);
    text.remove_prefix(end);
  }
  return steps;
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

bool NeedsFloat(EpilogueKind kind) { return RuleOf(kind).needs_float; }

EpilogueOperand OperandOf(EpilogueKind kind) { return RuleOf(kind).operand; }

DType AccumulatorOf(const Workload& workload) {
  return workload.acc.value_or(AccumulatorOf(workload.inputs.at(0).dtype));
}

DType OutputTypeOf(const Workload& workload) {
  if (workload.out) return *workload.out;
  const DType data = workload.inputs.at(0).dtype;
  return IsFloat(data) ? data : AccumulatorOf(workload);
}

DType StepTypeOf(const Workload& workload, size_t step) {
  const DType acc = AccumulatorOf(workload);
  if (IsFloat(acc) || OutputTypeOf(workload) == acc) return acc;
  const auto first = workload.epilogue.begin();
  const bool floats = std::any_of(first, first + static_cast<ptrdiff_t>(step) + 1,
                                  [](const EpilogueOp& op) { return NeedsFloat(op.kind); });
  return floats ? DType::kF32 : acc;
}

DType OperandTypeOf(const Workload& workload, size_t step) {
  const bool per_channel = OperandOf(workload.epilogue[step].kind) == EpilogueOperand::kPerChannel;
  const bool integers = !IsFloat(AccumulatorOf(workload));
  return per_channel && integers ? StepTypeOf(workload, step) : OutputTypeOf(workload);
}

std::string EpilogueText(const std::vector<EpilogueOp>& epilogue) {
  std::string text;
  for (const EpilogueOp& step : epilogue) text += StepText(step);
  return text;
}

std::string OperatorText(const Workload& workload) {
  if (workload.definition.empty()) return workload.op + EpilogueText(workload.epilogue);
  return workload.definition.substr(0, workload.definition.find('['));
}

std::string ShortKey(std::string_view key) {
  const size_t definition = key.find('=', std::min(key.find(')'), key.size()));
  const size_t end = definition == key.npos ? key.npos : key.find(' ', definition);
  return std::string(key.substr(0, end));
}

// Asked for with every trial and record: written into one string, without others between.
std::string Workload::Key() const {
  constexpr size_t kUsualBytes = 256;
  std::string key;
  key.reserve(kUsualBytes + definition.size());
  absl::StrAppend(&key, op, "(");
  const char* between = "";
  for (const TensorType& input : inputs) {
    absl::StrAppend(&key, between, Sv(NameOf(input.dtype)), "[");
    AppendNumbers(input.shape, &key);
    key += ']';
    between = ",";
  }
  for (const auto& [name, values] : attrs) {
    absl::StrAppend(&key, ";", name, "=");
    AppendNumbers(values, &key);
  }
  if (acc) absl::StrAppend(&key, ";acc=", Sv(NameOf(*acc)));
  if (out) absl::StrAppend(&key, ";out=", Sv(NameOf(*out)));
  absl::StrAppend(&key, ";", data_layout, ",", weight_layout, ",", out_layout);
  key += ')';
  if (!epilogue.empty()) key += EpilogueText(epilogue);
  if (!definition.empty()) absl::StrAppend(&key, "=", definition);
  return key;
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
  const absl::string_view rest = text.substr(close + 1);
  const size_t equals = std::min(rest.find('='), rest.size());
  TW_ASSIGN_OR_RETURN(workload.epilogue, ParseSteps(rest.substr(0, equals)));
  if (equals < rest.size()) workload.definition = std::string(rest.substr(equals + 1));
  DropDefaults(&workload);
  return workload;
}

}  // namespace tilewright
