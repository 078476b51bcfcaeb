// Tile instructions (compiler/loop/tile.h) in kernel text for the emulator, which is asked to do
// them (runtime/device/emulator/kernel_interface.h).
#pragma once

#include <string>
#include <string_view>

#include "compiler/loop/tile.h"

namespace tilewright {

// The definition of tw_<name>, which checks its operands and waits for the warp.
std::string EmulatedTileText(const TileOp& op);
// That of one step of a warpgroup's multiplication, of 32 bytes of each row, under `name`.
std::string EmulatedGroupText(const TileOp& op, std::string_view name);
// That of a load of boxes: to, map, barrier, and where the box begins, the last dimension first.
std::string EmulatedBoxText(const TileOp& op);

}  // namespace tilewright
