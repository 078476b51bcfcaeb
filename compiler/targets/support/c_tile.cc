#include "compiler/targets/support/c_tile.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/loop/visit.h"

namespace tilewright {

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
    if (Has(ArchitectureNumber(target), *op)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(target.mcpu.empty() ? target.kind : target.mcpu, " has no ", op->name,
                     ", which needs sm_", op->first_architecture));
  }
  return absl::OkStatus();
}

const std::string& TileFunctionText(const TileOp& op, runtime::TileForm form) {
  TW_CHECK(form != runtime::TileForm::kNone) << op.name;
  return form == runtime::TileForm::kEmulator ? op.emulator : op.cuda;
}

std::string TileCallText(const StmtNode& tile, const CNames& names) {
  std::vector<std::string> places;
  for (const Expr& operand : tile.operands) {
    places.push_back(absl::StrCat("&", CElement(operand->buffer, operand->operands, names)));
  }
  return absl::StrCat("tw_", tile.tile->name, "(", absl::StrJoin(places, ", "), ");");
}

}  // namespace tilewright
