// Stages of fused attention on a CPU, each a schedule of its own (Dao et al., "FlashAttention",
// arXiv:2205.14135, is where the running maximum and sum over blocks of keys come from). Lanes are
// keys in the first product, elements of a value in the second.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/core/target.h"
#include "compiler/loop/stmt.h"
#include "compiler/operators/attention.h"

namespace tilewright {

// How the work is cut: a block of `rows` queries of one head meets blocks of `keys` keys. Register
// tiles are of `tile_rows` queries by at most so many vectors of keys and of a value's elements.
struct AttentionTile {
  int64_t lanes, rows, tile_rows, keys, key_vectors, value_vectors;
};

// Float32 bytes that a block of queries keeps on the stack.
int64_t AttentionScratchBytes(const AttentionDims& dims, const AttentionTile& tile);

// The keys of all heads in float32, those of one head as columns: [batch, groups, size, keys].
TensorType TurnedKeys(const AttentionDims& dims);
// Of parameters key and turned keys.
Program TurnKeys(const Workload& workload, const Target& target);

// Of parameters query, turned keys, value, perhaps mask, output. REQUIRES: tile.rows is a multiple
// of tile.tile_rows.
Program AttendToKeys(const Workload& workload, const AttentionTile& tile);

}  // namespace tilewright
