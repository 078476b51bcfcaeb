#include "bench/gpu_layers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

constexpr const char* kLayers[] = {
    // ResNet-50 at batch 1: the stem, 3x3 of the first and last stage, 1x1 of the third.
    "conv2d(float32[1,3,224,224],float32[64,3,7,7];dilation=1,1;groups=1;padding=3,3,3,3;"
    "strides=2,2;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(float32[1,64,56,56],float32[64,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(float32[1,512,7,7],float32[512,512,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)",
    "conv2d(float32[1,1024,14,14],float32[256,1024,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+add+relu",
    // MobileNet's depthwise layers, ResNeXt's grouped one, an up-sampling.
    "depthwise_conv2d(float32[1,64,112,112],float32[64,1,3,3];dilation=1,1;groups=64;"
    "padding=1,1,1,1;strides=2,2;NCHW,OIHW,NCHW)+bias+relu",
    "depthwise_conv2d(float32[1,512,14,14],float32[512,1,3,3];dilation=1,1;groups=512;"
    "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(float32[1,128,56,56],float32[128,4,3,3];dilation=1,1;groups=32;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d_transpose(float32[1,64,14,14],float32[64,32,3,3];dilation=1,1;groups=1;"
    "output_padding=1,1;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)+bias+relu",
    // A classifier, BERT's layers and their attention.
    "dense(float32[1,2048],float32[1000,2048];,NK,)+bias",
    "dense(float32[128,768],float32[3072,768];,NK,)+bias+gelu",
    "batch_matmul(float32[12,128,64],float32[12,64,128];,,)",
    // Sizes that no tile divides.
    "conv2d(float32[2,3,11,7],float32[4,3,5,3];dilation=1,2;groups=1;padding=2,0,1,3;"
    "strides=2,1;NCHW,OIHW,NCHW)",
    "conv2d(float32[2,5,15,17],float32[6,5,3,3];dilation=1,1;groups=1;padding=0,2,1,0;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias",
    "depthwise_conv2d(float32[2,7,9,13],float32[7,1,5,3];dilation=1,1;groups=7;padding=1,1,2,0;"
    "strides=2,1;NCHW,OIHW,NCHW)",
    "conv2d(float32[2,6,7,9],float32[9,2,3,3];dilation=1,1;groups=3;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d_transpose(float32[2,3,4,5],float32[3,5,4,2];dilation=1,2;groups=1;"
    "output_padding=0,1;padding=0,1,2,0;strides=1,3;NCHW,IOHW,NCHW)",
    "dense(float32[3,35],float32[13,35];,NK,)+bias+sigmoid",
    "batch_matmul(float32[3,5,14],float32[3,14,9];,,)",
    // What tensor cores take, and other templates in 16 bits.
    "conv2d(float16[1,64,28,28],float16[128,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(bfloat16[2,64,14,14],bfloat16[64,64,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias",
    "dense(float16[128,768],float16[768,768];,NK,)+bias",
    "dense(bfloat16[16,768],bfloat16[3072,768];,NK,)+bias+gelu",
    "dense(int8[64,256],int8[128,256];,NK,)",
    "batch_matmul(float16[12,128,64],float16[12,64,128];,,)"};

std::vector<Workload> Taken(const Template& schedule, const Target& target) {
  std::vector<Workload> taken;
  for (const char* key : kLayers) {
    Workload workload = ParseWorkload(key).value();
    if (schedule.Matches(workload, target)) taken.push_back(std::move(workload));
  }
  return taken;
}

}  // namespace

absl::StatusOr<std::vector<SampledTemplate>> SampledTemplates(
    const Target& target, const std::vector<std::string>& names) {
  for (const std::string& name : names) TW_RETURN_IF_ERROR(FindTemplate(name).status());
  std::vector<SampledTemplate> sampled;
  for (const TemplateEntry& entry : Templates()) {
    const bool named = std::find(names.begin(), names.end(), entry.name) != names.end();
    if (!names.empty() && !named) continue;
    std::vector<Workload> layers = Taken(*entry.impl, target);
    if (layers.empty() && named) {
      return absl::FailedPreconditionError(
          absl::StrCat(entry.name, " takes no layer of this list for ", ToString(target)));
    }
    if (!layers.empty()) sampled.push_back({entry, std::move(layers)});
  }
  return sampled;
}

}  // namespace tilewright
