// What a test of a fault counted, as bench/faults/matrix reads it.
#pragma once

#include <cstdint>
#include <iostream>

namespace tilewright {

struct FaultCounts {
  int64_t injected = 1;      // faults
  int64_t acknowledged = 0;  // results that must be there afterwards
  int64_t lost = 0;          // of these, not there
  int64_t twice = 0;         // there more than once
};

inline void Print(const FaultCounts& counts) {
  std::cout << "fault counts: injected " << counts.injected << ", acknowledged "
            << counts.acknowledged << ", lost " << counts.lost << ", twice " << counts.twice
            << std::endl;
}

}  // namespace tilewright
