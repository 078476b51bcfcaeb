// The prelude of kernel text (compiler/targets/support/c_prelude.h) for the emulator: C++ for this
// machine in which every array, pointer and instruction is the emulator's (emulator/machine.h).
#pragma once

#include <string_view>

namespace tilewright::runtime {

// A module exports tw_bind(tw_machine*) and, for each TW_EXPORT(kernel), tw_run_<kernel>(args): one
// thread of it.
std::string_view EmulatorPrelude();
// What follows it where a program has a pipeline.
std::string_view EmulatorPipelinePrelude();

}  // namespace tilewright::runtime
