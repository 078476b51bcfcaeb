// wgmma_m64n<n>[_trans]_<type>  d, a, b: d [64,n] += a * b by a warpgroup, d in its registers, a 64
//   and b n rows of 128 bytes in shared memory, the depth along both. b transposed (16-bit types):
//   for each 64 columns, one after the other, 64 rows of the depth. d is float32, or int32 for
//   int8.
//
// Source: PTX ISA 9.0, 9.7.15 "Asynchronous Warpgroup Level Matrix Instructions".
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/core/dtype_suffix.h"
#include "compiler/loop/tiles/support/inline_ptx.h"
#include "compiler/loop/tiles/support/products.h"

namespace tilewright {
namespace {

constexpr int64_t kTransposedColumns = 64;  // of 16 bits in a row

struct Form {
  DType type;
  int64_t columns;
  bool transposed;

  // Of a step of 32 bytes along the rows, four in all.
  int64_t depth() const { return kRowBytes / 4 / static_cast<int64_t>(SizeOf(type)); }
};

void Multiply(std::span<TileMatrix> operands) {
  const TileMatrix& right = operands[2];
  AddProducts(operands[0], operands[1], [&](int64_t k, int64_t n) { return right.At(n, k); });
}

void MultiplyTransposed(std::span<TileMatrix> operands) {
  const TileMatrix& right = operands[2];
  AddProducts(operands[0], operands[1], [&](int64_t k, int64_t n) {
    return right.At(n / kTransposedColumns * kTransposedColumns + k, n % kTransposedColumns);
  });
}

// One step by descriptors of shared memory.
std::string CudaStep(const Form& form, const std::string& name) {
  const int64_t sums = form.columns / 2;
  const bool integers = form.type == DType::kI8;
  const std::string type = SuffixOf(form.type);
  const std::string types = integers ? "s32.s8.s8" : absl::StrCat("f32.", type, ".", type);
  return absl::StrCat(
      "TW_FN void ", name, "(tw_", integers ? "i32" : "f32", "* d, tw_u64 left, tw_u64 right) {\n",
      "  asm volatile(\"{\\n.reg .pred more;\\nsetp.eq.u32 more, 1, 1;\\n\"\n",
      "               \"wgmma.mma_async.sync.aligned.m64n", form.columns, "k", form.depth(), ".",
      types, " ", AsmRegisters(0, sums), ", %", sums, ", %", sums + 1,
      integers          ? ", more"
      : form.transposed ? ", more, 1, 1, 0, 1"
                        : ", more, 1, 1, 0, 0",
      ";\\n}\"\n               : ", AsmOperands(integers ? "+r" : "+f", "d", sums),
      "\n               : \"l\"(left), \"l\"(right));\n}\n");
}

// Descriptors name the start and the offset of eight rows in 16 bytes, and swizzled rows (PTX ISA,
// "Matrix Descriptor Format"). Pieces of 16 bytes of a line of 128 change places by the number of
// the line, of eight ("Swizzling Modes").
constexpr char kEmulatedStep[] = R"(
static const TYPE* NAME_piece(tw_i64 at) {
  return (const TYPE*)tw_m->landed(tw_m, at ^ (at >> 7 & 7) << 4, 16);
}
static void NAME_row(tw_u64 matrix, int row, double* to) {
  const tw_i64 start = (matrix & 0x3fff) << 4, stride = (matrix >> 32 & 0x3fff) << 4;
  for (int half = 0; half < 2; ++half) {
    const TYPE* piece = NAME_piece(start + row / 8 * stride + row % 8 * 128 + 16 * half);
    for (int i = 0; i < DEPTH / 2; ++i) to[half * (DEPTH / 2) + i] = VALUE(piece[i]);
  }
}
static void NAME_quarter(const tw_tile* lanes, int quarter) {
  double a[16][DEPTH], b[COLUMNS][DEPTH];
  const tw_u64 left = lanes[0].descriptors[0], right = lanes[0].descriptors[1];
  for (int t = 0; t < 32; ++t) {
    if (lanes[t].descriptors[0] == left && lanes[t].descriptors[1] == right) continue;
    tw_m->fail(tw_m, "lanes name different matrices", nullptr, 0);
  }
  if (left >> 62 != 1 || right >> 62 != 1) {
    tw_m->fail(tw_m, "names a matrix that is not swizzled by 128", nullptr, 0);
  }
  for (int r = 0; r < 16; ++r) NAME_row(left, 16 * quarter + r, a[r]);
READ_RIGHT
ADD_PRODUCTS}
TW_FN void NAME(tw_place<SUM> d, tw_u64 left, tw_u64 right, int line = __builtin_LINE()) {
  const tw_tile op = {"wgmma.mma_async", line, NAME_quarter, {{d.m, d.at}}, {left, right}, LATE};
  tw_m->tile(tw_m, &op);
}
)";
constexpr char kReadRows[] = "  for (int n = 0; n < COLUMNS; ++n) NAME_row(right, n, b[n]);";
// 64 columns lie in each 128 bytes, the next 64 at the leading offset.
constexpr char kReadColumns[] =
    R"(  const tw_i64 start = (right & 0x3fff) << 4, leading = (right >> 16 & 0x3fff) << 4;
  const tw_i64 stride = (right >> 32 & 0x3fff) << 4;
  for (int k = 0; k < 16; ++k) {
    for (int n = 0; n < COLUMNS; n += 8) {
      const tw_i64 row = start + n / 64 * leading + k / 8 * stride + k % 8 * 128;
      const TYPE* piece = NAME_piece(row + n % 64 * 2);
      for (int i = 0; i < 8; ++i) b[n + i][k] = VALUE(piece[i]);
    }
  })";

std::string EmulatedStep(const Form& form, const std::string& name) {
  const DType sums = AccumulatorOf(form.type);
  std::string text = absl::StrReplaceAll(
      kEmulatedStep, {{"READ_RIGHT", form.transposed ? kReadColumns : kReadRows},
                      {"ADD_PRODUCTS", EmulatedSums(sums, form.columns / 2, form.depth())}});
  return absl::StrReplaceAll(text,
                             {{"NAME", name},
                              {"DEPTH", absl::StrCat(form.depth())},
                              {"COLUMNS", absl::StrCat(form.columns)},
                              {"LATE", absl::StrCat(form.columns * 2)},
                              {"VALUE", IsFloat(form.type) ? "tw_load_" + SuffixOf(form.type) : ""},
                              {"TYPE", "tw_" + SuffixOf(form.type)},
                              {"SUM", "tw_" + SuffixOf(sums)}});
}

// The steps, which the pipeline waits for: along the rows, or 16 rows each.
std::string WholeText(const Form& form, const TileOp& op, const std::string& step) {
  const std::string type = SuffixOf(form.type);
  return absl::StrCat("TW_FN void tw_", op.name, "(TW_PLACE(", SuffixOf(AccumulatorOf(form.type)),
                      ") d, TW_PLACE(", type, ") left, TW_PLACE(", type, ") right) {\n",
                      "  const tw_u64 a = tw_descriptor(TW_SHARED_ADDRESS(left), 16);\n",
                      "  const tw_u64 b = tw_descriptor(TW_SHARED_ADDRESS(right), ",
                      form.transposed ? "64 * 128" : "16", ");\n", "  TW_UNROLL\n",
                      "  for (int k = 0; k < 4; ++k) ", step, "(d, a + k * (32 >> 4), b + k * (",
                      form.transposed ? "16 * 128" : "32", " >> 4));\n}\n");
}

TileOp OpOf(const Form& form) {
  const int64_t row = kRowBytes / static_cast<int64_t>(SizeOf(form.type));
  TileOp op{.name = absl::StrCat("wgmma_m64n", form.columns, form.transposed ? "_trans_" : "_",
                                 SuffixOf(form.type)),
            .type = form.type,
            .threads = TileThreads::kGroup,
            .compute = form.transposed ? MultiplyTransposed : Multiply,
            .first_architecture = 90,
            .last_architecture = true};
  op.operands = {{"a warpgroup's sums", AccumulatorOf(form.type), Scope::kRegister,
                  form.columns / 2, kGroupRows, form.columns, PlaceOfSum},
                 {"a warpgroup's left matrix", form.type, Scope::kShared, row, kGroupRows, row},
                 {"a warpgroup's right matrix", form.type, Scope::kShared, row, form.columns, row}};
  const std::string step = absl::StrCat("tw_", op.name, "_step");
  const std::string whole = WholeText(form, op, step);
  op.cuda = CudaStep(form, step) + whole;
  op.emulator = EmulatedStep(form, step) + whole;
  return op;
}

}  // namespace

std::vector<TileOp> wgmma() {
  std::vector<TileOp> ops;
  for (const DType type : {DType::kF16, DType::kBF16, DType::kI8}) {
    for (const int64_t columns : {32, 64, 128, 192, 256}) {
      ops.push_back(OpOf({type, columns, false}));
      const bool whole = columns % kTransposedColumns == 0;
      if (SizeOf(type) == 2 && whole) ops.push_back(OpOf({type, columns, true}));
    }
  }
  return ops;
}

}  // namespace tilewright
