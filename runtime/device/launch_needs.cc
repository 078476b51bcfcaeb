#include "runtime/device/launch_needs.h"

#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr int64_t kMostSharedBytes = 1 << 20, kMostMaps = 8, kMostOperands = 64;
constexpr int64_t kMostDimensions = 5, kMostBoxExtent = 256;
constexpr int64_t kMostExtent = int64_t{1} << 32;  // CUDA driver API, cuTensorMapEncodeTiled

class Reader {
 public:
  explicit Reader(std::span<const int64_t> words) : rest_(words) {}

  int64_t Next(int64_t least, int64_t most) {
    if (rest_.empty() || rest_[0] < least || rest_[0] > most) {
      throw BadPackage("a kernel says of its launch what no kernel needs");
    }
    const int64_t word = rest_[0];
    rest_ = rest_.subspan(1);
    return word;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::span<const int64_t> rest_;
};

}  // namespace

LaunchNeeds ReadLaunchNeeds(std::span<const int64_t> words) {
  Reader reader(words);
  LaunchNeeds needs{.shared_bytes = reader.Next(0, kMostSharedBytes), .maps = {}};
  for (int64_t count = reader.Next(0, kMostMaps); count > 0; --count) {
    TensorMap map{.operand = reader.Next(0, kMostOperands), .element_bytes = reader.Next(1, 2)};
    const int64_t rank = reader.Next(2, kMostDimensions);
    for (int64_t d = 0; d < rank; ++d) map.extents.push_back(reader.Next(1, kMostExtent));
    for (int64_t d = 0; d < rank; ++d) map.box.push_back(reader.Next(1, kMostBoxExtent));
    needs.maps.push_back(std::move(map));
  }
  if (!reader.done()) reader.Next(1, 0);
  return needs;
}

}  // namespace tilewright::runtime
