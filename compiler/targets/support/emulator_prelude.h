// The third prelude of kernel text: C++ for this machine in which every array, pointer and
// instruction is the emulator's (runtime/device/emulator/machine.h). Used only by c_prelude.cc and
// c_tile.cc.
#pragma once

#include <string>
#include <string_view>

#include "compiler/loop/tile.h"

namespace tilewright {

// A module exports tw_bind(tw_machine*) and, for each TW_EXPORT(kernel), tw_run_<kernel>(args): one
// thread of it.
std::string EmulatorPrelude();

// What pipelines are written against (c_pipeline.h), of the emulator's barriers and boxes.
const char* EmulatedSlots();

// The definition of tw_<name>, which checks its operands and waits for the warp.
std::string EmulatedTileText(const TileOp& op);
// That of one step of a warpgroup's multiplication, of 32 bytes of each row, under `name`.
std::string EmulatedGroupText(const TileOp& op, std::string_view name);
// That of a load of boxes: to, map, barrier, and where the box begins, the last dimension first.
std::string EmulatedBoxText(const TileOp& op);

}  // namespace tilewright
