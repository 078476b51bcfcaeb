// What the control groups around this process let it have (containers, Slurm, systemd).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tilewright {

struct CgroupLimits {
  std::optional<double> processors;     // processor seconds a second
  std::optional<int64_t> memory_bytes;  // together with everything else in the group
  friend bool operator==(const CgroupLimits&, const CgroupLimits&) = default;
};

// The tightest of this process's groups and all above them, of version 1 and 2; none where nothing
// can be read. `root` stands before /proc and /sys, for tests.
CgroupLimits ReadCgroupLimits(const std::string& root = "");

}  // namespace tilewright
