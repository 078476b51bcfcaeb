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

absl::Status ParseAttr(absl::string_view text, Workload* workload) {
  const std::pair<absl::string_view, absl::string_view> sides = absl::StrSplit(text, '=');
  std::vector<int64_t> values;
  for (absl::string_view item : absl::StrSplit(sides.second, ',', absl::SkipEmpty())) {
    int64_t value;
    if (!absl::SimpleAtoi(item, &value)) return Bad(absl::StrCat("attribute \"", text, "\""));
    values.push_back(value);
  }
  workload->attrs[std::string(sides.first)] = std::move(values);
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

bool IsTransposed(const Workload& w) { return w.op == "conv2d_transpose"; }

bool IsConv(const Workload& w) {
  return w.op == "conv2d" || w.op == "depthwise_conv2d" || IsTransposed(w);
}

absl::Status CheckRanks(const Workload& w) {
  const size_t rank = IsConv(w) ? 4 : (w.op == "dense" ? 2 : 3);
  if (w.inputs.size() != 2) return Bad("expected two inputs, data and weight");
  for (const TensorType& input : w.inputs) {
    TW_RETURN_IF_ERROR(CheckShape(input.shape));
    if (input.shape.size() != rank) {
      return Bad(absl::StrCat(w.op, " needs inputs of rank ", rank, ", found ", ToString(input)));
    }
    if (std::any_of(input.shape.begin(), input.shape.end(), [](int64_t d) { return d < 1; })) {
      return Bad(absl::StrCat("empty dimension in ", ToString(input)));
    }
    if (input.dtype != DType::kF32) return Bad("only float32 workloads are supported");
  }
  return absl::OkStatus();
}

absl::Status CheckLayout(const std::string& name, absl::string_view letters) {
  TW_ASSIGN_OR_RETURN(const Layout layout, Layout::Parse(name));
  if (layout.letters() != letters) {
    return Bad(absl::StrCat("layout ", name, " where a form of ", letters, " is needed"));
  }
  return absl::OkStatus();
}

absl::Status CheckLayouts(const Workload& w) {
  if (w.op == "batch_matmul") return absl::OkStatus();
  if (w.op == "dense") return CheckLayout(w.weight_layout, "NK");
  TW_RETURN_IF_ERROR(CheckLayout(w.data_layout, "NCHW"));
  TW_RETURN_IF_ERROR(CheckLayout(w.weight_layout, IsTransposed(w) ? "IOHW" : "OIHW"));
  return CheckLayout(w.out_layout, "NCHW");
}

absl::Status CheckConvAttr(const Workload& w, const char* name, size_t count) {
  const auto it = w.attrs.find(name);
  if (it == w.attrs.end() || it->second.size() != count) {
    return Bad(absl::StrCat(w.op, " needs attribute ", name, " with ", count, " values"));
  }
  const int64_t least = absl::EndsWith(name, "padding") ? 0 : 1;
  for (int64_t value : it->second) {
    if (value < least || value > (1 << 20)) return Bad(absl::StrCat(name, " value ", value));
  }
  return absl::OkStatus();
}

bool ChannelsAgree(const Workload& w) {
  const Shape& data = w.inputs[0].shape;
  const Shape& weight = w.inputs[1].shape;
  const int64_t groups = w.Attr("groups")[0];
  if (IsTransposed(w)) return weight[0] == data[1] && data[1] % groups == 0;
  return weight[1] * groups == data[1] && weight[0] % groups == 0;
}

absl::Status CheckConvAttrs(const Workload& w) {
  const std::pair<const char*, size_t> needed[] = {
      {"strides", 2}, {"padding", 4}, {"dilation", 2}, {"groups", 1}, {"output_padding", 2}};
  for (const auto& [name, count] : needed) {
    const bool own = std::string_view(name) != "output_padding" || IsTransposed(w);
    if (own) TW_RETURN_IF_ERROR(CheckConvAttr(w, name, count));
  }
  if (!ChannelsAgree(w)) {
    return Bad(absl::StrCat("channels disagree: data ", ToString(w.inputs[0]), ", weight ",
                            ToString(w.inputs[1]), ", groups ", w.Attr("groups")[0]));
  }
  const Shape out = OutputShape(w);
  if (IsTransposed(w)) TW_RETURN_IF_ERROR(CheckShape(out));
  if (out[2] >= 1 && out[3] >= 1) return absl::OkStatus();
  return Bad(IsTransposed(w) ? "the padding leaves no output"
                             : "the kernel window is larger than the padded input");
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

double Workload::Flops() const {
  const double outputs = static_cast<double>(NumElements(OutputShape(*this)));
  const Shape& weight = inputs[1].shape;
  if (IsTransposed(*this)) {  // every input meets every tap
    const double pixels = static_cast<double>(NumElements(inputs[0].shape));
    return 2.0 * pixels * weight[1] * weight[2] * weight[3];
  }
  if (IsConv(*this)) return 2.0 * outputs * weight[1] * weight[2] * weight[3];
  return 2.0 * outputs * weight[1];
}

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
  if (!IsConv(w) && w.op != "dense" && w.op != "batch_matmul") {
    return Bad(
        absl::StrCat("unknown operator \"", w.op,
                     "\"; known: conv2d, depthwise_conv2d, conv2d_transpose, dense, batch_matmul"));
  }
  TW_RETURN_IF_ERROR(CheckRanks(w));
  TW_RETURN_IF_ERROR(CheckLayouts(w));
  const Shape& a = w.inputs[0].shape;
  const Shape& b = w.inputs[1].shape;
  if (w.op == "dense" && a[1] != b[1]) return Bad("dense: K of data and weight disagree");
  if (w.op == "batch_matmul" && (a[0] != b[0] || a[2] != b[1])) {
    return Bad("batch_matmul: batch or K disagree");
  }
  if (!IsConv(w)) return absl::OkStatus();
  TW_RETURN_IF_ERROR(CheckConvAttrs(w));
  if (w.op == "depthwise_conv2d" && (w.Attr("groups")[0] != a[1] || b[0] != a[1])) {
    return Bad("depthwise_conv2d needs groups == channels == outputs");
  }
  return absl::OkStatus();
}

Shape OutputShape(const Workload& w) {
  const Shape& a = w.inputs[0].shape;
  const Shape& b = w.inputs[1].shape;
  if (w.op == "dense") return {a[0], b[0]};
  if (w.op == "batch_matmul") return {a[0], a[1], b[2]};
  const auto& pad = w.Attr("padding");
  const auto extent = [&](size_t d) {
    const int64_t window = w.Attr("dilation")[d] * (b[2 + d] - 1) + 1;
    if (IsTransposed(w)) {
      const int64_t whole = (a[2 + d] - 1) * w.Attr("strides")[d] + window;
      return whole - pad[d] - pad[d + 2] + w.Attr("output_padding")[d];
    }
    const int64_t room = a[2 + d] + pad[d] + pad[d + 2] - window;
    return room < 0 ? 0 : room / w.Attr("strides")[d] + 1;
  };
  const int64_t channels = IsTransposed(w) ? b[1] * w.Attr("groups")[0] : b[0];
  return {a[0], channels, extent(0), extent(1)};
}

std::vector<TensorType> ArgumentTypes(const Workload& w) {
  const auto physical = [](const std::string& layout, const Shape& logical) {
    const Shape shape = layout.empty() ? logical : Layout::Parse(layout).value().Physical(logical);
    return TensorType{.dtype = DType::kF32, .shape = shape};
  };
  const Shape out = OutputShape(w);
  const TensorType out_type = physical(w.out_layout, out);
  std::vector<TensorType> types = {physical(w.data_layout, w.inputs[0].shape),
                                   physical(w.weight_layout, w.inputs[1].shape)};
  const int64_t channels = IsConv(w) ? out[1] : out.back();
  int64_t block = 1;
  if (IsConv(w)) block = Layout::Parse(w.out_layout).value().BlockOf('C');
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
