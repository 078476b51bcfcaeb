#include "compiler/loop/tiles/support/products.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/core/dtype_suffix.h"

namespace tilewright {
namespace {

// PTX's names: groupID = lane / 4, threadID_in_group = lane % 4. Sums of int32 wrap around.
constexpr char kSums[] = R"(  for (int t = 0; t < 32; ++t) {
    const int group = t >> 2, within = t & 3;
    for (int i = 0; i < COUNT; ++i) {
      const int row = group + (i >> 1 & 1) * 8, column = within * 2 + (i & 1) + (i >> 2) * 8;
      TYPE& d = tw_at<TYPE>(lanes[t].operands[0], i);
      double sum = d;
      for (int k = 0; k < DEPTH; ++k) sum += a[row][k] * b[column][k];
      d = ROUNDED;
    }
  }
)";

}  // namespace

MatrixPlace PlaceOfSum(const TileOperand&, int64_t thread, int64_t element) {
  const int64_t lane = thread % kWarpThreads;
  const int64_t row = thread / kWarpThreads * kTileRows + lane / 4 + element % 4 / 2 * 8;
  return {row, element / 4 * kTileColumns + lane % 4 * 2 + element % 2};
}

std::string EmulatedSums(DType type, int64_t count, int64_t depth) {
  return absl::StrReplaceAll(kSums,
                             {{"COUNT", absl::StrCat(count)},
                              {"DEPTH", absl::StrCat(depth)},
                              {"TYPE", "tw_" + SuffixOf(type)},
                              {"ROUNDED", IsFloat(type) ? "(tw_f32)sum" : "(tw_i32)(tw_i64)sum"}});
}

}  // namespace tilewright
