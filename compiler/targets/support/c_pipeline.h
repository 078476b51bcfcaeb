// Pipelines (kPipeline, compiler/loop/stmt.h) in kernel text: the protocol of Hopper's mbarriers,
// and what a kernel of one says that its launch needs (runtime/device/launch_needs.h).
//
// A slot has two barriers. `full` is complete when its boxes have landed: the thread that loads
// them arrives at it and says how many bytes are expected. `empty` is complete when each warp that
// uses the slot has arrived, after its multiplications have read it. Who waits names the parity of
// the round whose end it waits for; of `empty` that is the round before, so the first wait ends at
// once.
//
// Source: PTX ISA 9.0, 9.7.13.15 "mbarrier".
#pragma once

#include <string>
#include <vector>

#include "compiler/loop/stmt.h"
#include "runtime/device/device_kind.h"

namespace tilewright {

// A tensor map of a kernel: boxes of one shape of one input. It is a parameter after the buffers.
struct BoxMap {
  const BufferNode* source = nullptr;
  std::vector<int64_t> box;

  friend bool operator==(const BoxMap&, const BoxMap&) = default;
};
// The map of a load of a box. REQUIRES: its tile loads boxes.
BoxMap MapOf(const StmtNode& load);
// Those of a program, each once.
std::vector<BoxMap> MapsOf(const Program& program);

// Null: the program has none.
const StmtNode* PipelineOf(const Program& program);
// Bytes that one fill brings.
int64_t FillBytes(const StmtNode& pipeline);

// Barriers, tensor maps and memory that the launch gives: goes before the functions of tiles.
// REQUIRES: the kind has a pipeline_prelude.
std::string PipelineFunctions(const runtime::DeviceKind& kind);
// What the program's launch needs, as a constant that the module exports; "" without a pipeline.
std::string NeedsText(const Program& program);

}  // namespace tilewright
