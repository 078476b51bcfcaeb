// What the GPU templates of convolutions share.
#pragma once

#include "compiler/templates/support/simt_template.h"

namespace tilewright {

// Whether data, weights and output are unblocked.
bool IsPlain(const Workload& workload);

// The definition without its predicate (what lies outside the image is staged as zeros) over axes
// n, f, y, x with the knobs tile_f, tile_y, tile_x; n and f share the blocks' z. Both inputs are
// staged. REQUIRES: IsPlain, groups 1 or depthwise.
SimtForm ConvForm(const Workload& workload);

}  // namespace tilewright
