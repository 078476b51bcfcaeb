// Progress as AutoTVM's users know it.
#pragma once

#include <string>

#include "tuner/loop/tune.h"

namespace tilewright {

// "[Task  1/12]  Current/Best:  541.83/3570.66 GFLOPS | Progress: (960/2000) | 1001.31 s", and
// " | model 4.21 ms" when every task has a success. The progress is the job's.
std::string ProgressLine(const TuneEvent& event);

}  // namespace tilewright
