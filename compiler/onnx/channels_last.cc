#include "compiler/onnx/channels_last.h"

#include <algorithm>
#include <numeric>

#include "base/status_macros.h"

namespace tilewright {
namespace {

// 0, 1, ..., rank - 1.
std::vector<size_t> InOrderOf(size_t rank) {
  std::vector<size_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace

absl::StatusOr<ValueId> ChannelsSecond(OpBuilder& b, ValueId value) {
  TW_RETURN_IF_ERROR(CheckRank(b, value, 3, kMaxRank));
  std::vector<size_t> order = InOrderOf(b.RankOf(value));
  std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return Transpose(b, value, std::move(order));
}

absl::StatusOr<ValueId> ChannelsLast(OpBuilder& b, ValueId value) {
  TW_RETURN_IF_ERROR(CheckRank(b, value, 3, kMaxRank));
  std::vector<size_t> order = InOrderOf(b.RankOf(value));
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return Transpose(b, value, std::move(order));
}

}  // namespace tilewright
