#include "records/formats/autotvm_templates.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json_integer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/workload_rules.h"
#include "records/formats/autotvm_tensor.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

absl::Status NoTemplate(absl::string_view what) { return absl::InvalidArgumentError(what); }

// One number stands for both directions, two for a padding of both sides.
std::vector<int64_t> Spread(const Json& value, size_t count) {
  std::vector<int64_t> all =
      value.is_array() ? JsonIntegers<int64_t>(value) : std::vector{JsonInteger<int64_t>(value)};
  while (!all.empty() && all.size() < count) all.insert(all.end(), all.begin(), all.end());
  return all;
}

// The operator's own parser drops what is the default and checks the whole.
absl::StatusOr<Workload> Checked(Workload workload, DType out) {
  workload.out = out;
  return ParseWorkload(workload.Key());
}

absl::StatusOr<Workload> TwoTensors(std::string op, const Json& args) {
  Workload workload{.op = std::move(op)};
  for (size_t i = 0; i < 2; ++i) {
    TW_ASSIGN_OR_RETURN(TensorType tensor, ReadTensor(args[i]));
    workload.inputs.push_back(std::move(tensor));
  }
  return workload;
}

struct ConvArgs {
  Json strides, padding, dilation = 1;
  int64_t groups = 1;
};

void SetConv(const ConvArgs& args, Workload* workload) {
  workload->attrs = {{"strides", Spread(args.strides, 2)},
                     {"padding", Spread(args.padding, 4)},
                     {"dilation", Spread(args.dilation, 2)},
                     {"groups", {args.groups}}};
  workload->data_layout = workload->out_layout = "NCHW";
  workload->weight_layout = "OIHW";
}

// [data, weight, strides, padding, dilation, out type]
absl::StatusOr<Workload> ReadConvOf(const std::string& op, const Json& args) {
  if (args.size() != 6) return NoTemplate(absl::StrCat(args.size(), " arguments; it has 6"));
  TW_ASSIGN_OR_RETURN(Workload workload, TwoTensors(op, args));
  const Shape& weight = workload.inputs[1].shape;
  if (weight.size() != 4) return NoTemplate("a weight that has not 4 dimensions");
  if (op == "depthwise_conv2d" && weight[1] != 1) {
    return NoTemplate("a channel multiplier other than 1");
  }
  SetConv({args[2], args[3], args[4], op == "conv2d" ? 1 : weight[0]}, &workload);
  TW_ASSIGN_OR_RETURN(const DType out, ReadType(args[5]));
  return Checked(std::move(workload), out);
}

absl::StatusOr<Workload> ReadConv(const Json& args) { return ReadConvOf("conv2d", args); }
absl::StatusOr<Workload> ReadWinograd(const Json& args) {
  TW_ASSIGN_OR_RETURN(Workload workload, ReadConv(args));
  const Shape &weight = workload.inputs[1].shape, one = {1, 1};
  const bool ours = weight[2] == 3 && weight[3] == 3 && workload.Attr("strides") == one &&
                    workload.Attr("dilation") == one && workload.inputs[0].dtype == DType::kF32;
  if (!ours) return NoTemplate("not float32, a kernel other than 3x3, strides or dilation");
  return workload;
}
absl::StatusOr<Workload> ReadDepthwise(const Json& args) {
  return ReadConvOf("depthwise_conv2d", args);
}

absl::StatusOr<Json> WriteConv(const Workload& w) {
  return Json{TensorArg(w.inputs[0]), TensorArg(w.inputs[1]), w.Attr("strides"),
              w.Attr("padding"),      w.Attr("dilation"),     std::string(NameOf(OutputTypeOf(w)))};
}

// [data, weight, strides, padding, dilation, groups, out type]
absl::StatusOr<Workload> ReadGrouped(const Json& args) {
  if (args.size() != 7) return NoTemplate(absl::StrCat(args.size(), " arguments; it has 7"));
  TW_ASSIGN_OR_RETURN(Workload workload, TwoTensors("conv2d", args));
  const int64_t groups = JsonInteger<int64_t>(args[5]);
  if (groups < 2) return NoTemplate("fewer than 2 groups");
  SetConv({args[2], args[3], args[4], groups}, &workload);
  TW_ASSIGN_OR_RETURN(const DType out, ReadType(args[6]));
  return Checked(std::move(workload), out);
}

absl::StatusOr<Json> WriteGrouped(const Workload& w) {
  TW_ASSIGN_OR_RETURN(Json args, WriteConv(w));
  args.insert(args.begin() + 5, w.Attr("groups")[0]);
  return args;
}

// [data, weight, strides, padding, out type, output padding]; the last is missing in the first
// rows, and one release's rewriting of them put it into the weight.
absl::StatusOr<Workload> ReadTransposed(const Json& given) {
  Json args = given;
  if (args.size() == 5 && args[1].is_array() && args[1].size() == 4) {
    args.push_back(args[1][3]);
    args[1].erase(3);
  }
  if (args.size() == 5) args.push_back({0, 0});
  if (args.size() != 6) return NoTemplate(absl::StrCat(args.size(), " arguments; it has 6"));
  TW_ASSIGN_OR_RETURN(Workload workload, TwoTensors("conv2d_transpose", args));
  SetConv({.strides = args[2], .padding = args[3]}, &workload);
  workload.attrs["output_padding"] = Spread(args[5], 2);
  workload.weight_layout = "IOHW";
  TW_ASSIGN_OR_RETURN(const DType out, ReadType(args[4]));
  return Checked(std::move(workload), out);
}

absl::StatusOr<Json> WriteTransposed(const Workload& w) {
  if (w.Attr("groups")[0] != 1 || w.Attr("dilation") != std::vector<int64_t>{1, 1}) {
    return NoTemplate("one group and no dilation only");
  }
  return Json{TensorArg(w.inputs[0]),
              TensorArg(w.inputs[1]),
              w.Attr("strides"),
              w.Attr("padding"),
              std::string(NameOf(OutputTypeOf(w))),
              w.Attr("output_padding")};
}

// [N, H, W, CO, CI, KH, KW, strides, padding]
absl::StatusOr<Workload> ReadTutorial(const Json& args) {
  if (args.size() != 9) return NoTemplate(absl::StrCat(args.size(), " arguments; it has 9"));
  std::vector<int64_t> n;
  for (size_t i = 0; i < 7; ++i) n.push_back(JsonInteger<int64_t>(args[i]));
  Workload workload{.op = "conv2d"};
  workload.inputs = {{.dtype = DType::kF32, .shape = {n[0], n[4], n[1], n[2]}},
                     {.dtype = DType::kF32, .shape = {n[3], n[4], n[5], n[6]}}};
  SetConv({.strides = args[7], .padding = args[8]}, &workload);
  return Checked(std::move(workload), DType::kF32);
}

absl::StatusOr<Json> WriteTutorial(const Workload& w) {
  const Shape &data = w.inputs[0].shape, &weight = w.inputs[1].shape;
  const std::vector<int64_t>& padding = w.Attr("padding");
  const bool plain = padding[0] == padding[2] && padding[1] == padding[3] &&
                     w.Attr("dilation") == std::vector<int64_t>{1, 1} &&
                     w.inputs[0].dtype == DType::kF32;
  if (!plain) return NoTemplate("float32 with equal borders and no dilation only");
  return Json{data[0],   data[2],           data[3],
              weight[0], weight[1],         weight[2],
              weight[3], w.Attr("strides"), {padding[0], padding[1]}};
}

// [data, weight, bias or null, out type]
absl::StatusOr<Workload> ReadDense(const Json& args) {
  if (args.size() != 4) return NoTemplate(absl::StrCat(args.size(), " arguments; it has 4"));
  TW_ASSIGN_OR_RETURN(Workload workload, TwoTensors("dense", args));
  workload.weight_layout = "NK";
  if (!args[2].is_null()) workload.epilogue = {{.kind = EpilogueKind::kBias}};
  TW_ASSIGN_OR_RETURN(const DType out, ReadType(args[3]));
  return Checked(std::move(workload), out);
}

absl::StatusOr<Json> WriteDense(const Workload& w) {
  return Json{TensorArg(w.inputs[0]), TensorArg(w.inputs[1]), nullptr,
              std::string(NameOf(OutputTypeOf(w)))};
}

// [a, b, out shape, out type, transpose_a, transpose_b], the last four optional.
absl::StatusOr<Workload> ReadBatchMatmul(const Json& args) {
  if (args.size() < 2 || args.size() > 6) {
    return NoTemplate(absl::StrCat(args.size(), " arguments; it has 2 to 6"));
  }
  TW_ASSIGN_OR_RETURN(Workload workload, TwoTensors("batch_matmul", args));
  if (args.size() > 4 && args[4].get<bool>()) return NoTemplate("its first matrix is transposed");
  if (args.size() < 6 || args[5].get<bool>()) {
    return NoTemplate("its second matrix is [B, N, K]; tilewright's is [B, K, N]");
  }
  DType out = workload.inputs[0].dtype;
  if (!args[3].is_null()) {
    TW_ASSIGN_OR_RETURN(out, ReadType(args[3]));
  }
  return Checked(std::move(workload), out);
}

absl::StatusOr<Json> WriteBatchMatmul(const Workload& w) {
  return Json{TensorArg(w.inputs[0]),
              TensorArg(w.inputs[1]),
              OutputShape(w),
              std::string(NameOf(OutputTypeOf(w))),
              false,
              false};
}

struct KnownTemplate {
  std::string_view name;
  absl::StatusOr<Workload> (*read)(const Json&);
  absl::StatusOr<Json> (*write)(const Workload&);
};
constexpr std::array<KnownTemplate, 9> kTemplates = {{
    {"batch_matmul.cuda", ReadBatchMatmul, WriteBatchMatmul},
    {"conv2d_nchw.cuda", ReadConv, WriteConv},
    {"conv2d_nchw_winograd.cuda", ReadWinograd, WriteConv},
    {"conv2d_transpose_nchw.cuda", ReadTransposed, WriteTransposed},
    {"dense_large_batch.gpu", ReadDense, WriteDense},
    {"dense_small_batch.gpu", ReadDense, WriteDense},
    {"depthwise_conv2d_nchw.cuda", ReadDepthwise, WriteConv},
    {"group_conv2d_nchw.cuda", ReadGrouped, WriteGrouped},
    {"tutorial/conv2d_no_batching", ReadTutorial, WriteTutorial},
}};

const KnownTemplate* Find(std::string_view name) {
  for (const KnownTemplate& known : kTemplates) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

absl::StatusOr<Workload> ReadArgs(const KnownTemplate& known, const Json& args) {
  try {
    return known.read(args);
  } catch (const Json::exception&) {
    return NoTemplate("one of another type");
  }
}

// Where format 0.1's tasks went; those of GPUs only where the target names no other device.
struct OldTask {
  std::string_view target, name, key, today;
};
constexpr std::array<OldTask, 10> kOldTasks = {{
    {"gpu", "topi_nn_conv2d", "direct", "conv2d_nchw.cuda"},
    {"gpu", "topi_nn_conv2d", "winograd", "conv2d_nchw_winograd.cuda"},
    {"gpu", "topi_nn_depthwise_conv2d_nchw", "direct", "depthwise_conv2d_nchw.cuda"},
    {"gpu", "topi_nn_group_conv2d_nchw", "direct", "group_conv2d_nchw.cuda"},
    {"gpu", "topi_nn_conv2d_transpose_nchw", "direct", "conv2d_transpose_nchw.cuda"},
    {"gpu", "topi_nn_batch_matmul", "direct", "batch_matmul.cuda"},
    {"arm_cpu", "topi_nn_conv2d", "direct", "conv2d_nchw_spatial_pack.arm_cpu"},
    {"arm_cpu", "topi_nn_conv2d", "winograd", "conv2d_nchw_winograd.arm_cpu"},
    {"arm_cpu", "topi_nn_depthwise_conv2d_nchw", "direct", "depthwise_conv2d_nchw.arm_cpu"},
    {"cpu", "topi_x86_conv2d_NCHWc", "", "conv2d_NCHWc.x86"},
}};

std::string_view DeviceOf(std::string_view target) {
  if (absl::StrContains(Sv(target), "-device=arm_cpu")) return "arm_cpu";
  if (absl::StrContains(Sv(target), "-device=")) return "other";
  if (target.starts_with("llvm")) return "cpu";
  return target.starts_with("cuda") || target.starts_with("opencl") ? "gpu" : "other";
}

// [data, weight, strides, padding, dilation, ("NCHW",) out type]; x86's has the output channels
// and the kernel's size before the strides. Anything else is left as it is.
void UpgradeConvArgs(Json* args) {
  if (args->is_array() && args->size() == 10) args->erase(args->begin() + 2, args->begin() + 4);
  if (!args->is_array() || args->size() < 6) return;
  if (args->size() == 7 && (*args)[5] == "NCHW") args->erase(5);
  Json& padding = (*args)[3];
  if (padding.is_array() && padding.size() == 2) {
    padding = Json::array({padding[0], padding[1], padding[0], padding[1]});
  }
}

}  // namespace

AutoTvmWorkload WorkloadOfAutoTvm(std::string_view template_name, const Json& args) {
  const KnownTemplate* known = Find(template_name);
  if (known == nullptr) return {std::nullopt, "tilewright generates no code for this template"};
  absl::StatusOr<Workload> workload = ReadArgs(*known, args);
  if (workload.ok()) return {*std::move(workload), ""};
  return {std::nullopt, absl::StrCat("arguments that tilewright's template does not have: ",
                                     workload.status().message())};
}

absl::StatusOr<Json> AutoTvmArgs(std::string_view template_name, const Workload& workload) {
  const KnownTemplate* known = Find(template_name);
  if (known == nullptr) return absl::NotFoundError("AutoTVM has no template of this name");
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  return known->write(workload);
}

std::string UpgradeTask(std::string_view target, const std::string& name, const std::string& key,
                        Json* args) {
  for (const OldTask& old : kOldTasks) {
    if (old.name != name || old.key != key || old.target != DeviceOf(target)) continue;
    if (absl::StrContains(name, "conv2d") && !absl::StrContains(name, "transpose")) {
      UpgradeConvArgs(args);
    }
    return std::string(old.today);
  }
  return key.empty() ? name : absl::StrCat(name, ".", key);
}

std::string TodaysName(const std::string& name) {
  const bool dense = name == "dense_large_batch.cuda" || name == "dense_small_batch.cuda";
  return dense ? absl::StrCat(name.substr(0, name.size() - 4), "gpu") : name;
}

void UpgradeConfig(std::string_view template_name, Config* config) {
  if (template_name != "conv2d_nchw.cuda") return;
  const auto find = [config](std::string_view name) {
    return std::find_if(config->entities.begin(), config->entities.end(),
                        [name](const auto& knob) { return knob.first == name; });
  };
  const auto x = find("tile_rx"), y = find("tile_ry");
  if (x < y && y != config->entities.end()) std::swap(x->first, y->first);
}

}  // namespace tilewright
