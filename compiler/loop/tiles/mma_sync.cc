// mma_m16n8k<k>_<type>  d, a, b: d [16,8] += a [16,k] * b [k,8], all in the registers of a warp. d
//   is float32, or int32 for int8. tf32 multiplies float32 rounded to 10 bits of fraction, ties
//   away from zero.
//
// Source: PTX ISA 9.0, 9.7.14 "Warp-Level Matrix Instructions", mma.
#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/core/dtype_suffix.h"
#include "compiler/loop/tiles/support/inline_ptx.h"
#include "compiler/loop/tiles/support/products.h"

namespace tilewright {
namespace {

struct Form {
  const char* type_name;
  DType type;
  int64_t depth;
  int first_architecture;
  const char* ptx_types;  // of a and b
  // For the emulator: where element i of a lane (group, within) lies, and its value.
  const char *left_row, *left_column, *right_row, *value;
};

constexpr char kHalfRow[] = "group + (i >> 1 & 1) * 8";
constexpr char kHalfColumn[] = "within * 2 + (i & 1) + (i >> 2) * 8";
constexpr char kHalfDepth[] = "within * 2 + (i & 1) + (i >> 1) * 8";

constexpr Form kForms[] = {
    {"f16", DType::kF16, 8, 75, "f16.f16", kHalfRow, kHalfColumn, kHalfDepth, "tw_load_f16"},
    {"f16", DType::kF16, 16, 80, "f16.f16", kHalfRow, kHalfColumn, kHalfDepth, "tw_load_f16"},
    {"bf16", DType::kBF16, 16, 80, "bf16.bf16", kHalfRow, kHalfColumn, kHalfDepth, "tw_load_bf16"},
    {"tf32", DType::kF32, 8, 80, "tf32.tf32", "group + (i & 1) * 8", "within + (i >> 1) * 4",
     "within + i * 4", "tw_to_tf32"},
    {"i8", DType::kI8, 32, 80, "s8.s8", "group + (i >> 2 & 1) * 8",
     "within * 4 + (i & 3) + (i >> 3) * 16", "within * 4 + (i & 3) + (i >> 2) * 16", ""}};

// A register holds a word of four bytes: neighbours in a row of a, in a column of b. Four threads
// hold a row of 16 bytes, eight such groups the rows.
MatrixPlace PlaceInLeft(const TileOperand& left, int64_t thread, int64_t element) {
  const int64_t word = 4 / static_cast<int64_t>(SizeOf(left.dtype)), reg = element / word;
  return {thread / 4 + 8 * (reg % 2), (thread % 4 + 4 * (reg / 2)) * word + element % word};
}

MatrixPlace PlaceInRight(const TileOperand& right, int64_t thread, int64_t element) {
  const int64_t word = 4 / static_cast<int64_t>(SizeOf(right.dtype)), reg = element / word;
  return {(thread % 4 + 4 * reg) * word + element % word, thread / 4};
}

void Multiply(std::span<TileMatrix> operands) {
  const TileMatrix& right = operands[2];
  AddProducts(operands[0], operands[1], [&](int64_t k, int64_t n) { return right.At(k, n); });
}

// As cvt.rna.tf32.f32 does.
double RoundedToTf32(double value) {
  const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  if ((bits & 0x7f800000u) == 0x7f800000u) return value;
  return std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu);
}

void MultiplyAsTf32(std::span<TileMatrix> operands) {
  for (TileMatrix& factor : operands.subspan(1)) {
    for (double& element : factor.elements) element = RoundedToTf32(element);
  }
  Multiply(operands);
}

// The operands of PTX are words; floats are rounded to the type that is multiplied.
std::string WordsText(const Form& form, int64_t left, int64_t right) {
  if (form.type != DType::kF32) {
    return "  const tw_u32* a = (const tw_u32*)left;\n  const tw_u32* b = (const tw_u32*)right;\n";
  }
  std::string text = absl::StrCat("  tw_u32 a[", left, "], b[", right, "];\n");
  for (int64_t i = 0; i < left + right; ++i) {
    const bool in_left = i < left;
    absl::StrAppend(&text, "  asm(\"cvt.rna.tf32.f32 %0, %1;\" : \"=r\"(", in_left ? "a[" : "b[",
                    in_left ? i : i - left, "]) : \"f\"(", in_left ? "left[" : "right[",
                    in_left ? i : i - left, "]));\n");
  }
  return text;
}

std::string CudaText(const Form& form, const TileOp& op) {
  const auto words = [](const TileOperand& operand) {
    return operand.elements * static_cast<int64_t>(SizeOf(operand.dtype)) / 4;
  };
  const int64_t left = words(op.operands[1]), right = words(op.operands[2]);
  const std::string type = SuffixOf(op.type), d = AsmRegisters(0, 4);
  const bool floats = IsFloat(op.type);
  const char* sums = floats ? "f32" : "s32";
  return absl::StrCat("TW_FN void tw_", op.name, "(tw_", floats ? "f32" : "i32", "* d, const tw_",
                      type, "* left, const tw_", type, "* right) {\n", WordsText(form, left, right),
                      "  asm volatile(\"mma.sync.aligned.m16n8k", op.depth, ".row.col.", sums, ".",
                      form.ptx_types, ".", sums, " ", d, ", ", AsmRegisters(4, left), ", ",
                      AsmRegisters(4 + left, right), ", ", d,
                      ";\"\n               : ", AsmOperands(floats ? "+f" : "+r", "d", 4),
                      "\n               : ", AsmOperands("r", "a", left), ", ",
                      AsmOperands("r", "b", right), ");\n}\n");
}

// As in the PTX ISA's figures of matrix fragments.
constexpr char kEmulated[] = R"(
static void tw_NAME_warp(const tw_tile* lanes, int) {
  double a[16][DEPTH], b[8][DEPTH];
  for (int t = 0; t < 32; ++t) {
    const int group = t >> 2, within = t & 3;
    for (int i = 0; i < LEFTS; ++i) {
      a[LEFT_ROW][LEFT_COLUMN] = VALUE(tw_at<TYPE>(lanes[t].operands[1], i));
    }
    for (int i = 0; i < RIGHTS; ++i) {
      b[group][RIGHT_ROW] = VALUE(tw_at<TYPE>(lanes[t].operands[2], i));
    }
  }
ADD_PRODUCTS}
TW_FN void tw_NAME(tw_place<SUM> d, tw_place<TYPE> left, tw_place<TYPE> right,
                int line = __builtin_LINE()) {
  d.take(4, 0);
  const tw_tile op = {"NAME", line, tw_NAME_warp,
                      {d.take(4, 1), left.take(LEFTS, 0), right.take(RIGHTS, 0)}};
  tw_m->tile(tw_m, &op);
}
)";

constexpr char kEmulatedRounding[] = R"(
TW_FN double tw_to_tf32(tw_f32 value) {
  const tw_u32 bits = tw_bits(value);
  return (bits >> 23 & 255) == 255 ? value : tw_from_bits((bits + (1u << 12)) >> 13 << 13);
}
)";

std::string EmulatorText(const Form& form, const TileOp& op) {
  const DType sums = op.operands[0].dtype;
  const std::string text = absl::StrReplaceAll(
      kEmulated, {{"NAME", op.name},
                  {"DEPTH", absl::StrCat(op.depth)},
                  {"LEFTS", absl::StrCat(op.operands[1].elements)},
                  {"RIGHTS", absl::StrCat(op.operands[2].elements)},
                  {"LEFT_ROW", form.left_row},
                  {"LEFT_COLUMN", form.left_column},
                  {"RIGHT_ROW", form.right_row},
                  {"VALUE", form.value},
                  {"TYPE", "tw_" + SuffixOf(op.type)},
                  {"SUM", "tw_" + SuffixOf(sums)},
                  {"ADD_PRODUCTS", EmulatedSums(sums, op.operands[0].elements, op.depth)}});
  return form.type == DType::kF32 ? kEmulatedRounding + text : text;
}

TileOp OpOf(const Form& form) {
  TileOp op{.name = absl::StrCat("mma_m16n8k", form.depth, "_", form.type_name),
            .type = form.type,
            .compute = form.type == DType::kF32 ? MultiplyAsTf32 : Multiply,
            .first_architecture = form.first_architecture,
            .depth = form.depth};
  op.operands = {{.what = "a tile's sums",
                  .dtype = AccumulatorOf(op.type),
                  .rows = kTileRows,
                  .columns = kTileColumns,
                  .place = PlaceOfSum},
                 {.what = "a tile's left matrix",
                  .dtype = op.type,
                  .rows = kTileRows,
                  .columns = op.depth,
                  .place = PlaceInLeft},
                 {.what = "a tile's right matrix",
                  .dtype = op.type,
                  .rows = op.depth,
                  .columns = kTileColumns,
                  .place = PlaceInRight}};
  for (TileOperand& operand : op.operands) {
    operand.scope = Scope::kRegister;
    operand.elements = operand.rows * operand.columns / kWarpThreads;
  }
  op.cuda = CudaText(form, op);
  op.emulator = EmulatorText(form, op);
  return op;
}

}  // namespace

std::vector<TileOp> mma_sync() {
  std::vector<TileOp> ops;
  for (const Form& form : kForms) ops.push_back(OpOf(form));
  return ops;
}

}  // namespace tilewright
