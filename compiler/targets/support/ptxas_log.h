// What ptxas says of kernels in NVRTC's log (--ptxas-options=-v).
#pragma once

#include <string>

namespace tilewright {

// Of a thread, the most of any kernel of the log; 0 where it says nothing.
struct ThreadStorage {
  int registers = 0;
  int spilled_bytes = 0;  // registers kept in memory: stores and loads, whichever are more
};
ThreadStorage ReadPtxasLog(const std::string& log);

}  // namespace tilewright
