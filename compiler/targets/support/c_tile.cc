#include "compiler/targets/support/c_tile.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/strings.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/loop/visit.h"
#include "compiler/targets/support/emulated_tile.h"

namespace tilewright {
namespace {

// PTX's type and shape of a multiplication.
struct PtxMultiply {
  const char *left_right, *sums;
};
PtxMultiply PtxOf(DType type) {
  switch (type) {
    case DType::kF16: return {"f16.f16", "f32"};
    case DType::kBF16: return {"bf16.bf16", "f32"};
    case DType::kF32: return {"tf32.tf32", "f32"};
    default: return {"s8.s8", "s32"};
  }
}

// {%first, ...}: so many registers of an asm statement.
std::string AsmRegisters(int64_t first, int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back(absl::StrCat("%", first + i));
  return absl::StrCat("{", absl::StrJoin(names, ", "), "}");
}

// "c"(x[0]), ...: so many operands of an asm statement.
std::string AsmOperands(const char* constraint, const char* array, int64_t count) {
  std::vector<std::string> operands;
  for (int64_t i = 0; i < count; ++i) {
    operands.push_back(absl::StrCat("\"", constraint, "\"(", array, "[", i, "])"));
  }
  return absl::StrJoin(operands, ", ");
}

// A thread's words of an operand of so many elements.
int64_t WordsOf(const TileOp& op, const TileOperand& operand) {
  return operand.elements * static_cast<int64_t>(SizeOf(op.type)) / 4;
}

std::string MultiplyText(const TileOp& op) {
  const std::vector<TileOperand> operands = OperandsOf(op);
  const int64_t left = WordsOf(op, operands[1]), right = WordsOf(op, operands[2]);
  const PtxMultiply ptx = PtxOf(op.type);
  const std::string type = CSuffix(op.type), sums = CSuffix(operands[0].dtype);
  const std::string d = AsmRegisters(0, 4);
  std::string text = absl::StrCat("TW_FN void tw_", Sv(op.name), "(tw_", sums, "* d, const tw_",
                                  type, "* left, const tw_", type, "* right) {\n");
  if (op.type == DType::kF32) {  // rounded to the type that is multiplied
    absl::StrAppend(&text, "  tw_u32 a[", left, "], b[", right, "];\n");
    for (int64_t i = 0; i < left + right; ++i) {
      const bool in_left = i < left;
      absl::StrAppend(&text, "  asm(\"cvt.rna.tf32.f32 %0, %1;\" : \"=r\"(", in_left ? "a[" : "b[",
                      in_left ? i : i - left, "]) : \"f\"(", in_left ? "left[" : "right[",
                      in_left ? i : i - left, "]));\n");
    }
  } else {
    absl::StrAppend(&text, "  const tw_u32* a = (const tw_u32*)left;\n",
                    "  const tw_u32* b = (const tw_u32*)right;\n");
  }
  absl::StrAppend(&text, "  asm volatile(\"mma.sync.aligned.m16n8k", op.depth, ".row.col.",
                  ptx.sums, ".", ptx.left_right, ".", ptx.sums, " ", d, ", ", AsmRegisters(4, left),
                  ", ", AsmRegisters(4 + left, right), ", ", d, ";\"\n");
  absl::StrAppend(&text, "               : ", AsmOperands(sums == "f32" ? "+f" : "+r", "d", 4),
                  "\n               : ", AsmOperands("r", "a", left), ", ",
                  AsmOperands("r", "b", right), ");\n}\n");
  return text;
}

std::string MatrixLoadText(const TileOp& op) {
  const std::string type = CSuffix(op.type);
  return absl::StrCat("TW_FN void tw_", Sv(op.name), "(tw_", type, "* to, const tw_", type,
                      "* row) {\n", "  tw_u32* w = (tw_u32*)to;\n",
                      "  const tw_u32 at = (tw_u32)__cvta_generic_to_shared(row);\n",
                      "  asm volatile(\"ldmatrix.sync.aligned.m8n8.x", op.matrices,
                      op.transposed ? ".trans" : "", ".shared.b16 ", AsmRegisters(0, op.matrices),
                      ", [%", op.matrices, "];\"\n", "               : ",
                      AsmOperands("=r", "w", op.matrices), " : \"r\"(at) : \"memory\");\n}\n");
}

// One step of a warpgroup's multiplication: 32 bytes of each row, by descriptors of shared memory.
std::string GroupStepText(const TileOp& op, const std::string& name) {
  const int64_t sums = op.columns / 2;
  const bool integers = op.type == DType::kI8;
  const std::string types = absl::StrCat(integers                 ? "s32.s8.s8"
                                         : op.type == DType::kF16 ? "f32.f16.f16"
                                                                  : "f32.bf16.bf16");
  return absl::StrCat(
      "TW_FN void ", name, "(tw_", integers ? "i32" : "f32", "* d, tw_u64 left, tw_u64 right) {\n",
      "  asm volatile(\"{\\n.reg .pred more;\\nsetp.eq.u32 more, 1, 1;\\n\"\n",
      "               \"wgmma.mma_async.sync.aligned.m64n", op.columns, integers ? "k32." : "k16.",
      types, " ", AsmRegisters(0, sums), ", %", sums, ", %", sums + 1,
      integers        ? ", more"
      : op.transposed ? ", more, 1, 1, 0, 1"
                      : ", more, 1, 1, 0, 0",
      ";\\n}\"\n               : ", AsmOperands(integers ? "+r" : "+f", "d", sums),
      "\n               : \"l\"(left), \"l\"(right));\n}\n");
}

// Four steps of 32 bytes along the rows, or of 16 rows, which the pipeline waits for.
std::string GroupText(const TileOp& op, bool emulated) {
  const std::string step = absl::StrCat("tw_", Sv(op.name), "_step");
  const std::string type = CSuffix(op.type);
  return absl::StrCat(emulated ? EmulatedGroupText(op, step) : GroupStepText(op, step),
                      "TW_FN void tw_", Sv(op.name), "(TW_PLACE(", CSuffix(AccumulatorOf(op.type)),
                      ") d, TW_PLACE(", type, ") left, TW_PLACE(", type, ") right) {\n",
                      "  const tw_u64 a = tw_descriptor(TW_SHARED_ADDRESS(left), 16);\n",
                      "  const tw_u64 b = tw_descriptor(TW_SHARED_ADDRESS(right), ",
                      op.transposed ? "64 * 128" : "16", ");\n", "  TW_UNROLL\n",
                      "  for (int k = 0; k < 4; ++k) ", step, "(d, a + k * (32 >> 4), b + k * (",
                      op.transposed ? "16 * 128" : "32", " >> 4));\n}\n");
}

// A function for each number of dimensions.
std::string BoxLoadText(const TileOp& op) {
  std::string text;
  std::string params, at, operands;
  for (int rank = 1; rank <= 5; ++rank) {
    absl::StrAppend(&params, ", int c", rank);
    absl::StrAppend(&at, rank == 1 ? "%" : ", %", 2 + rank);
    absl::StrAppend(&operands, ", \"r\"(c", rank, ")");
    if (rank == 1) continue;
    absl::StrAppend(&text, "TW_FN void tw_", Sv(op.name), "(tw_", CSuffix(op.type),
                    "* to, const tw_map& map, tw_u64* full", params, ") {\n",
                    "  asm volatile(\"cp.async.bulk.tensor.", rank,
                    "d.shared::cluster.global.tile.mbarrier::complete_tx::bytes \"\n",
                    "               \"[%0], [%1, {", at, "}], [%2];\"\n               : : ",
                    "\"r\"(TW_SHARED_ADDRESS(to)), \"l\"((tw_u64)&map), ",
                    "\"r\"(TW_SHARED_ADDRESS(full))", operands, " : \"memory\");\n}\n");
  }
  return text;
}

}  // namespace

std::vector<const TileOp*> TileOpsOf(std::span<const Program> programs) {
  std::vector<const TileOp*> ops;
  for (const Program& program : programs) {
    ForEachStmt(program.body, [&](const Stmt& s) {
      if (s->tile == nullptr || std::find(ops.begin(), ops.end(), s->tile) != ops.end()) return;
      ops.push_back(s->tile);
    });
  }
  return ops;
}

absl::Status CheckTileOps(std::span<const Program> programs, const Target& target) {
  for (const TileOp* op : TileOpsOf(programs)) {
    const int architecture = ArchitectureNumber(target);
    if (op->first_architecture == architecture) continue;
    if (op->first_architecture < architecture && !op->last_architecture) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(target.mcpu.empty() ? target.kind : target.mcpu, " has no ", Sv(op->name),
                     ", which needs sm_", op->first_architecture));
  }
  return absl::OkStatus();
}

std::string TileFunctionText(const TileOp& op, runtime::TileForm form) {
  TW_CHECK(form != runtime::TileForm::kNone) << op.name;
  const bool emulated = form == runtime::TileForm::kEmulator;
  if (op.columns > 0) return GroupText(op, emulated);
  if (op.loads_box) return emulated ? EmulatedBoxText(op) : BoxLoadText(op);
  if (emulated) return EmulatedTileText(op);
  return op.depth > 0 ? MultiplyText(op) : MatrixLoadText(op);
}

std::string TileCallText(const StmtNode& tile, const CNames& names) {
  std::vector<std::string> places;
  for (const Expr& operand : tile.operands) {
    places.push_back(absl::StrCat("&", CElement(operand->buffer, operand->operands, names)));
  }
  return absl::StrCat("tw_", Sv(tile.tile->name), "(", absl::StrJoin(places, ", "), ");");
}

}  // namespace tilewright
