// What whole networks are run on when only their time is asked for.
#pragma once

#include "runtime/model.h"

namespace tilewright {

// Floats in [-1, 1) by a number of the input; integers and truths 0 or 1, which are valid as token
// ids, masks and types.
void FillModelInputs(const runtime::Model& model);

}  // namespace tilewright
