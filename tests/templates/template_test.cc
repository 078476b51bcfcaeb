// Every template of the catalogue against the interpreter on small, awkward workloads.
#include <gtest/gtest.h>

#include <set>

#include "compiler/operators/workload_rules.h"
#include "tests/contract/template_contract.h"

namespace tilewright {
namespace {

// Odd sizes, tails in every tile, strides, asymmetric padding, dilation, groups, epilogues; for a
// 512-bit and a 256-bit target.
const char* const kWorkloads512[] = {
    "conv2d(float32[1,20,7,9],float32[40,20,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+relu",
    "conv2d(float32[2,16,8,13],float32[32,16,3,3];dilation=1,1;groups=1;padding=0,2,1,0;"
    "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+add+clip(0,6)",
    "conv2d(float32[2,16,6,5],float32[16,16,3,2];dilation=2,1;groups=1;padding=2,0,1,1;"
    "strides=1,2;NCHW16c,OIHW16i16o,NCHW16c)+bias+add+clip(0,6)",
    "conv2d(float32[1,32,3,17],float32[48,32,1,7];dilation=1,1;groups=1;padding=0,3,0,3;"
    "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+hard_swish",
    "conv2d(float32[1,3,11,11],float32[32,3,7,7];dilation=1,1;groups=1;padding=3,3,3,3;"
    "strides=2,2;NCHW,OIHW16o,NCHW16c)",
    "conv2d(float32[1,128,5,5],float32[32,128,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
    "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+add+relu",
    "conv2d(float32[1,64,5,5],float32[64,32,3,3];dilation=1,1;groups=2;padding=1,1,1,1;"
    "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+silu+mul",
    "conv2d(float32[2,20,7,5],float32[34,20,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
    "strides=2,3;NCHW16c,OIHW16i16o,NCHW16c)+bias+add+relu",
    "depthwise_conv2d(float32[1,40,9,7],float32[40,1,3,3];dilation=1,1;groups=40;"
    "padding=1,1,1,1;strides=1,1;NCHW16c,OIHW16o,NCHW16c)+bias+clip(0,6)",
    "depthwise_conv2d(float32[1,16,9,8],float32[16,1,3,3];dilation=1,1;groups=16;"
    "padding=0,0,1,1;strides=2,2;NCHW16c,OIHW16o,NCHW16c)+bias+prelu+linear(0.5,-1)",
    "conv2d(float32[1,6,7,7],float32[10,3,1,1];dilation=1,1;groups=2;padding=0,0,0,0;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+add+relu",
    "conv2d(float32[2,10,9,19],float32[6,5,3,3];dilation=1,2;groups=2;padding=1,2,0,3;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias",
    "conv2d(float32[1,2,9,37],float32[3,2,3,5];dilation=1,1;groups=1;padding=1,2,1,2;"
    "strides=2,3;NCHW,OIHW,NCHW)+relu",
    "conv2d(float32[1,3,7,40],float32[2,3,1,7];dilation=1,2;groups=1;padding=0,3,0,3;"
    "strides=2,2;NCHW,OIHW,NCHW)+scale+leaky_relu(0.1)",
    "conv2d(float32[1,4,9,8],float32[8,4,1,1];dilation=1,1;groups=1;padding=1,0,0,1;"
    "strides=2,2;NCHW,OIHW,NCHW)+bias+sigmoid",
    "conv2d(float32[1,3,6,21],float32[6,1,3,3];dilation=1,1;groups=3;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)",
    "depthwise_conv2d(float32[1,5,8,17],float32[5,1,3,3];dilation=1,1;groups=5;"
    "padding=1,1,1,1;strides=2,2;NCHW,OIHW,NCHW)+bias",
    "conv2d_transpose(float32[1,20,3,5],float32[20,18,4,4];dilation=1,1;groups=1;"
    "output_padding=0,0;padding=1,1,1,1;strides=2,2;NCHW16c,IOHW16i16o,NCHW16c)+bias+add+relu",
    "conv2d_transpose(float32[2,16,3,4],float32[16,16,3,2];dilation=2,1;groups=1;"
    "output_padding=1,0;padding=0,1,2,0;strides=3,1;NCHW16c,IOHW16i16o,NCHW16c)+bias+hard_swish",
    "conv2d_transpose(float32[1,6,4,9],float32[6,2,3,5];dilation=1,2;groups=3;"
    "output_padding=1,1;padding=1,0,0,1;strides=2,3;NCHW,IOHW,NCHW)+bias",
    "conv2d_transpose(float32[2,4,1,19],float32[4,3,1,2];dilation=1,1;groups=1;"
    "output_padding=0,0;padding=0,0,0,0;strides=1,4;NCHW,IOHW,NCHW)+bias+sigmoid",
    "conv2d_transpose(float32[1,20,3,5],float32[20,34,2,2];dilation=1,1;groups=1;"
    "output_padding=0,0;padding=0,0,0,0;strides=2,2;NCHW16c,IOHW16i16o,NCHW16c)+bias+add",
    "conv2d_transpose(float32[1,5,3,21],float32[5,1,2,2];dilation=1,1;groups=1;"
    "output_padding=0,0;padding=0,0,0,0;strides=2,2;NCHW,IOHW,NCHW)+bias+add+relu",
    "dense(float32[1,30],float32[41,30];,NK16n,)+bias+relu",
    "dense(float32[13,12],float32[80,12];,NK16n,)+bias+gelu+scale",
    "batch_matmul(float32[2,9,10],float32[2,10,40];,,)",
    "batch_matmul(float32[3,5,8],float32[3,8,32];,,)+gelu_tanh+clip(-inf,0.5)",
    "attention(float32[2,9,4,20],float32[2,21,2,20],float32[2,21,2,24];causal=-1;empty_rows=0;"
    "scaled=1;,,)",
    "attention(float32[1,37,3,16],float32[1,70,1,16],float32[1,70,1,5],float32[1,3,37,70];"
    "causal=33;empty_rows=1;scaled=0;,,)",
    "attention(float32[2,5,2,7],float32[2,1,2,7],float32[2,1,2,33],float32[2,1,1,1];causal=0;"
    "empty_rows=0;scaled=1;,,)",
    "attention(float32[1,1,3,48],float32[1,150,3,48],float32[1,150,3,48];causal=-1;empty_rows=0;"
    "scaled=1;,,)",
    "nest(float32[3,5,9],float32[5,37];,,)=a.B[3,37,9] select(i1 < 7, 0.5, a0[i0, i1 % 5, i2] * "
    "sqrt(abs(a1[min(i0, 4), i1])))",
    "nest(float32[5,7,9],int64[2,13],float32[2,13];,,)=columns[5,7,13] a0[i0, i1, min(max(a1[0, "
    "i2], "
    "0), 8)] * a2[0, i2] + a0[i0, i1, min(max(a1[1, i2], 0), 8)] * a2[1, i2]",
    "nest(float32[5,7,19],int64[2,11],float32[2,11];,,)=rows[5,11,19] a0[i0, min(max(a1[0, i1], "
    "0), "
    "6), i2] * a2[0, i1] + a0[i0, min(max(a1[1, i1], 0), 6), i2] * a2[1, i1]",
    "nest(float32[3,5,9],float32[3,4,9];,,)=concat[3,9,9] select(i1 < 5, a0[i0, i1, i2], a1[i0, "
    "i1 - 5, i2])",
    "nest(int8[70];out=int64;,,)=Shift[70] cast(a0[min(max(cast(a0[69 - i0], int64), 0), 69)], "
    "int64) - i0",
};
const char* const kWorkloads256[] = {
    "conv2d(float32[1,20,7,9],float32[20,20,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)+bias+sigmoid",
    "conv2d(float32[1,32,9,8],float32[48,16,1,1];dilation=1,1;groups=2;padding=0,0,0,0;"
    "strides=2,2;NCHW8c,OIHW8i8o,NCHW8c)+bias+relu",
    "dense(float32[5,8],float32[10,8];,NK8n,)+bias+tanh",
    "conv2d_transpose(float32[2,9,4,6],float32[9,10,3,3];dilation=1,1;groups=1;"
    "output_padding=0,0;padding=0,0,0,0;strides=2,2;NCHW8c,IOHW8i8o,NCHW8c)+bias+relu",
    "conv2d_transpose(float32[1,3,4,18],float32[3,2,4,4];dilation=1,1;groups=1;"
    "output_padding=0,0;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)+bias",
    "conv2d(float32[1,6,9,11],float32[9,2,3,3];dilation=1,1;groups=3;padding=1,1,1,1;"
    "strides=1,2;NCHW,OIHW,NCHW)+bias",
    "conv2d(float32[1,6,5,5],float32[9,2,1,1];dilation=1,1;groups=3;padding=0,0,0,0;"
    "strides=1,1;NCHW,OIHW,NCHW)+add",
    "attention(float32[1,11,2,10],float32[1,67,2,10],float32[1,67,2,12],float32[1,2,1,67];"
    "causal=57;empty_rows=0;scaled=1;,,)",
};

template <size_t n>
std::set<std::string> CheckAll(const char* const (&keys)[n], const char* target_text) {
  const Target target = ParseTarget(target_text).value();
  std::set<std::string> used;
  uint64_t seed = 1;
  for (const char* key : keys) {
    const absl::StatusOr<Workload> workload = ParseWorkload(key);
    EXPECT_TRUE(workload.ok()) << workload.status();
    const std::vector<TemplateEntry> matching = MatchingTemplates(*workload, target);
    EXPECT_FALSE(matching.empty()) << "no template for " << key;
    for (const TemplateEntry& entry : matching) {
      used.insert(entry.name);
      CheckTemplate(entry, *workload, target, {/*samples=*/6, seed});
    }
    ++seed;
  }
  return used;
}

TEST(Templates, MatchTheInterpreterOnAwkwardShapesWith512BitVectors) {
  const std::set<std::string> used = CheckAll(kWorkloads512, "cpu -mcpu=znver5");
  std::set<std::string> of_cpus;
  for (const TemplateEntry& entry : Templates()) {
    if (entry.name.ends_with(".cpu")) of_cpus.insert(entry.name);
  }
  EXPECT_EQ(used, of_cpus) << "a template has no workload in this test";
}

TEST(Templates, MatchTheInterpreterOnAwkwardShapesWith256BitVectors) {
  CheckAll(kWorkloads256, "cpu -mcpu=haswell");
}

// The types of a workload: data, weight, and sums and output where they are not the default.
struct ElementTypes {
  DType data, weight;
  std::optional<DType> acc = std::nullopt, out = std::nullopt;
};
constexpr ElementTypes kElementTypes[] = {
    {DType::kF16, DType::kF16},
    {DType::kBF16, DType::kBF16},
    {DType::kBF16, DType::kBF16, std::nullopt, DType::kF32},
    {DType::kI8, DType::kI8},
    {DType::kU8, DType::kI8},
    {DType::kI16, DType::kI16, DType::kI64},
    {DType::kI16, DType::kI16},
    {DType::kI16, DType::kI16, std::nullopt, DType::kI8},
    {DType::kU8, DType::kI8, std::nullopt, DType::kU8},
    {DType::kU16, DType::kI16, std::nullopt, DType::kF32},
};

// The workload of a key in other types, without the steps that they have not.
Workload InTypes(const char* key, const ElementTypes& types) {
  Workload workload = ParseWorkload(key).value();
  for (TensorType& input : workload.inputs) input.dtype = types.data;
  workload.inputs[1].dtype = types.weight;
  workload.acc = types.acc;
  workload.out = types.out;
  const bool floats = IsFloat(OutputTypeOf(workload));
  const bool narrows = !floats && OutputTypeOf(workload) != AccumulatorOf(workload);
  std::erase_if(workload.epilogue,
                [&](const EpilogueOp& step) { return NeedsFloat(step.kind) && !floats; });
  if (narrows) {
    workload.epilogue.push_back({.kind = EpilogueKind::kScale});
    workload.epilogue.push_back({.kind = EpilogueKind::kRound});
  }
  return workload;
}

TEST(Templates, MatchTheInterpreterForEveryElementType) {
  const Target target = ParseTarget("cpu -mcpu=znver5").value();
  for (const ElementTypes& types : kElementTypes) {
    std::set<std::string> used;
    uint64_t seed = 100;
    for (const char* key : kWorkloads512) {
      if (std::string_view(key).starts_with("nest(")) continue;  // its definition says its types
      const Workload workload = InTypes(key, types);
      if (workload.op == "attention" && !IsFloat(types.data)) continue;
      ASSERT_TRUE(CheckWorkload(workload).ok()) << CheckWorkload(workload);
      for (const TemplateEntry& entry : MatchingTemplates(workload, target)) {
        used.insert(entry.name);
        CheckTemplate(entry, workload, target, {/*samples=*/2, seed});
      }
      ++seed;
    }
    EXPECT_TRUE(used.contains("conv2d_nchwc.cpu") && used.contains("dense_pack.cpu"));
    const bool bytes = types.data == DType::kU8 && types.weight == DType::kI8;
    EXPECT_EQ(used.contains("conv2d_winograd.cpu"), types.data == DType::kBF16 || bytes);
  }
}

// Products of 25500 by 6272, sums beyond int32 and outputs as large as they can be.
TEST(Templates, SumTheLargestAndLeastBytesExactly) {
  const Target target = ParseTarget("cpu -mcpu=znver4").value();
  uint64_t seed = 200;
  for (const char* key : {"conv2d(uint8[1,128,6,7],int8[16,128,3,3];dilation=1,1;groups=1;"
                          "padding=1,1,1,1;strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)",
                          "conv2d(uint8[1,120,5,4],int8[32,120,3,3];dilation=1,1;groups=1;"
                          "padding=0,1,0,0;strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)",
                          "conv2d(uint8[2,64,4,5],int8[20,64,1,1];dilation=1,1;groups=1;"
                          "padding=0,0,0,0;strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)",
                          "depthwise_conv2d(uint8[1,20,6,17],int8[20,1,3,3];dilation=1,1;groups=20;"
                          "padding=1,1,1,1;strides=1,1;NCHW16c,OIHW16o,NCHW16c)",
                          "depthwise_conv2d(uint8[2,16,9,16],int8[16,1,5,5];dilation=1,1;groups=16;"
                          "padding=1,2,2,0;strides=2,2;NCHW16c,OIHW16o,NCHW16c)",
                          "depthwise_conv2d(uint8[1,16,7,2],int8[16,1,2,9];dilation=2,1;groups=16;"
                          "padding=0,5,1,4;strides=1,1;NCHW16c,OIHW16o,NCHW16c)",
                          "dense(uint8[3,500],int8[20,500];,NK16n,)"}) {
    const Workload workload = ParseWorkload(key).value();
    for (const TemplateEntry& entry : MatchingTemplates(workload, target)) {
      CheckTemplate(entry, workload, target, {/*samples=*/1, seed++, Elements::kExtremes});
    }
  }
}

TEST(Templates, AnUnknownNameListsTheKnownOnes) {
  const absl::Status status = FindTemplate("conv2d_nchwc.gpu").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("conv2d_nchwc.cpu"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace tilewright
