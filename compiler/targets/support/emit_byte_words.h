// Words of four bytes, as templates write them (WordOf of
// compiler/templates/support/narrow_words.h), one a lane.
#pragma once

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

// The words where `e` puts bytes (uint8, or zeros) of each lane side by side: those that lie behind
// each other in memory, all lanes' first bytes, then all lanes' second, by one load and one shuffle
// of bytes. Null where `e` is anything else, or the same in all lanes.
llvm::Value* EmitByteWords(EmitContext& ctx, const Expr& e);

}  // namespace tilewright
