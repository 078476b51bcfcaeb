#include "compiler/core/tensor.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"

namespace tilewright {
namespace {

constexpr size_t kAlignment = 64;

template <typename R>
R Element(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kBool) return static_cast<R>(tensor.as<uint8_t>()[i] != 0);
  return Dispatch(tensor.dtype(), [&]<typename T>() { return static_cast<R>(tensor.as<T>()[i]); });
}

}  // namespace

int64_t NumElements(const Shape& shape) {
  int64_t n = 1;
  for (int64_t dim : shape) n *= dim;
  return n;
}

absl::Status CheckShape(const Shape& shape) {
  if (shape.size() > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("rank ", shape.size(), " is above the limit of ", kMaxRank));
  }
  int64_t product = 1;
  for (int64_t dim : shape) {
    if (dim < 0) return absl::InvalidArgumentError(absl::StrCat("negative dimension ", dim));
    if (__builtin_mul_overflow(product, dim, &product) || product > kMaxElements) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape [", absl::StrJoin(shape, ","), "] has more than 2^40 elements"));
    }
  }
  return absl::OkStatus();
}

int64_t NumBytes(const TensorType& type) {
  return NumElements(type.shape) * static_cast<int64_t>(SizeOf(type.dtype));
}

std::string ToString(const TensorType& type) {
  return absl::StrCat(Sv(NameOf(type.dtype)), "[", absl::StrJoin(type.shape, ","), "]");
}

absl::StatusOr<TensorType> ParseTensorType(std::string_view text) {
  const auto bad = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", Sv(text), "\" is not a tensor type like float32[1,3]"));
  };
  const size_t open = text.find('[');
  if (open == std::string_view::npos || text.back() != ']') return bad();
  const std::optional<DType> dtype = ParseDType(text.substr(0, open));
  if (!dtype) return bad();
  TensorType type{.dtype = *dtype, .shape = {}};
  const std::string_view dims = text.substr(open + 1, text.size() - open - 2);
  for (absl::string_view part : absl::StrSplit(Sv(dims), ',', absl::SkipEmpty())) {
    int64_t dim;
    if (!absl::SimpleAtoi(part, &dim)) return bad();
    type.shape.push_back(dim);
  }
  if (absl::Status status = CheckShape(type.shape); !status.ok()) return status;
  return type;
}

Tensor::Tensor(TensorType type) : type_(std::move(type)) {
  const size_t bytes = (static_cast<size_t>(NumBytes(type_)) / kAlignment + 1) * kAlignment;
  auto* raw = static_cast<std::byte*>(std::aligned_alloc(kAlignment, bytes));
  if (raw == nullptr) throw std::bad_alloc();
  std::memset(raw, 0, bytes);
  data_ = std::shared_ptr<std::byte>(raw, [](std::byte* p) { std::free(p); });
}

Tensor Tensor::Reshaped(Shape shape) const {
  Tensor result = *this;
  result.type_.shape = std::move(shape);
  return result;
}

double Tensor::AsDouble(int64_t i) const { return Element<double>(*this, i); }

int64_t Tensor::AsInt(int64_t i) const { return Element<int64_t>(*this, i); }

void Tensor::Set(int64_t i, double value) {
  Dispatch(dtype(), [&]<typename T>() { as<T>()[i] = static_cast<T>(RoundTo(dtype(), value)); });
}

}  // namespace tilewright
