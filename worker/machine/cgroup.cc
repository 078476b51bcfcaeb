#include "worker/machine/cgroup.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"

namespace tilewright {
namespace {

// Version 1 says "no limit" by a number near 2^63.
constexpr int64_t kUnlimitedV1 = int64_t{1} << 60;

// The words of a small file; empty when it cannot be read.
std::vector<std::string> Words(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::optional<int64_t> Number(const std::vector<std::string>& words, size_t at = 0) {
  int64_t value = 0;
  if (words.size() <= at || !absl::SimpleAtoi(words[at], &value) || value <= 0) {
    return std::nullopt;
  }
  return value;
}

template <typename T>
void Tighten(std::optional<T>& limit, std::optional<T> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

std::optional<double> Share(std::optional<int64_t> quota, std::optional<int64_t> period) {
  if (!quota || !period) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

void ReadFolder(const std::string& folder, CgroupLimits* limits) {
  const std::vector<std::string> max = Words(folder + "/cpu.max");
  Tighten(limits->processors, Share(Number(max, 0), Number(max, 1)));
  Tighten(limits->memory_bytes, Number(Words(folder + "/memory.max")));
  Tighten(limits->processors, Share(Number(Words(folder + "/cpu.cfs_quota_us")),
                                    Number(Words(folder + "/cpu.cfs_period_us"))));
  const auto v1 = Number(Words(folder + "/memory.limit_in_bytes"));
  if (v1 && *v1 < kUnlimitedV1) Tighten(limits->memory_bytes, v1);
}

// From the mount down to the group. Within a container the path may be the host's, of which
// nothing is mounted: then the mount itself is the group.
void ReadPath(const std::string& mount, absl::string_view path, CgroupLimits* limits) {
  std::string folder = mount;
  ReadFolder(folder, limits);
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    absl::StrAppend(&folder, "/", part);
    ReadFolder(folder, limits);
  }
}

}  // namespace

CgroupLimits ReadCgroupLimits(const std::string& root) {
  CgroupLimits limits;
  const std::string mounts = root + "/sys/fs/cgroup";
  std::ifstream groups(root + "/proc/self/cgroup");
  // "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1.
  for (std::string line; std::getline(groups, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    if (fields[1].empty()) {
      ReadPath(mounts, fields[2], &limits);
      ReadPath(mounts + "/unified", fields[2], &limits);
    } else {
      ReadPath(absl::StrCat(mounts, "/", fields[1]), fields[2], &limits);
    }
  }
  return limits;
}

}  // namespace tilewright
