// The third prelude of kernel text: C++ for this machine in which every array, pointer and
// instruction is the emulator's (runtime/device/emulator/machine.h). Used only by c_prelude.cc and
// c_tile.cc.
#pragma once

#include <string>

#include "compiler/loop/tile.h"

namespace tilewright {

// A module exports tw_bind(tw_machine*) and, for each TW_EXPORT(kernel), tw_run_<kernel>(args): one
// thread of it.
std::string EmulatorPrelude();

// The definition of tw_<name>, which checks its operands and waits for the warp.
std::string EmulatedTileText(const TileOp& op);

}  // namespace tilewright
