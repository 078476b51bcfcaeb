#include "compiler/targets/support/gpu_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/loop/visit.h"
#include "compiler/targets/support/c_pipeline.h"
#include "compiler/targets/support/c_prelude.h"
#include "compiler/targets/support/c_text.h"
#include "compiler/targets/support/c_tile.h"

namespace tilewright {
namespace {

bool UsesDoubles(const Program& program) {
  bool found = false;
  for (const Buffer& param : program.params) found = found || param->dtype == DType::kF64;
  ForEachExpr(program.body, [&](const Expr& e) { found = found || e->dtype == DType::kF64; });
  return found;
}

}  // namespace

std::string ModuleText(std::span<const Program> programs, const runtime::DeviceKind& kind) {
  bool doubles = false;
  for (const Program& program : programs) doubles = doubles || UsesDoubles(program);
  std::string text = PreludeOf(kind, doubles);
  const auto pipelined = [](const Program& program) { return PipelineOf(program) != nullptr; };
  if (std::any_of(programs.begin(), programs.end(), pipelined)) text += PipelineFunctions(kind);
  for (const TileOp* op : TileOpsOf(programs)) text += TileFunctionText(*op, kind.tiles);
  for (const Program& program : programs) {
    absl::StrAppend(&text, "\n", KernelText(program), NeedsText(program), "TW_EXPORT(",
                    program.name, ")\n");
  }
  return text;
}

}  // namespace tilewright
