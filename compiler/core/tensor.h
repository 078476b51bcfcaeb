// Tensor types and host tensors. TensorType is a value; Tensor shares its bytes between copies
// and is immutable once shared.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/dtype.h"

namespace tilewright {

using Shape = std::vector<int64_t>;

// Static, row-major. A scalar has an empty shape.
struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;

  friend bool operator==(const TensorType&, const TensorType&) = default;
};

// Limits on shapes that come from outside (a model, a log, a peer).
inline constexpr size_t kMaxRank = 8;
inline constexpr int64_t kMaxElements = int64_t{1} << 40;

// Product of the dimensions; 1 for a scalar. REQUIRES: CheckShape(shape).ok().
int64_t NumElements(const Shape& shape);

// InvalidArgument when the rank, a dimension (< 0) or the product is out of the limits above.
absl::Status CheckShape(const Shape& shape);

// Bytes of a dense tensor of this type.
int64_t NumBytes(const TensorType& type);

// "float32[1,3,224,224]"; ParseTensorType reads it back (InvalidArgument otherwise).
std::string ToString(const TensorType& type);
absl::StatusOr<TensorType> ParseTensorType(std::string_view text);

// A dense row-major host tensor; 64-byte aligned.
class Tensor {
 public:
  Tensor() = default;
  // Zero-filled. Throws std::bad_alloc when memory is short, as std::vector does.
  explicit Tensor(TensorType type);
  // Copies `elements`; REQUIRES: T matches type.dtype and the count matches.
  template <typename T>
  Tensor(TensorType type, const std::vector<T>& elements) : Tensor(std::move(type)) {
    std::copy(elements.begin(), elements.end(), as<T>());
  }

  const TensorType& type() const { return type_; }
  const Shape& shape() const { return type_.shape; }
  DType dtype() const { return type_.dtype; }
  int64_t size() const { return NumElements(type_.shape); }
  int64_t bytes() const { return NumBytes(type_); }
  bool empty() const { return data_ == nullptr; }

  // REQUIRES: the caller is the only holder while writing.
  void* data() { return data_.get(); }
  const void* data() const { return data_.get(); }
  template <typename T>
  T* as() {
    return static_cast<T*>(data());
  }
  template <typename T>
  const T* as() const {
    return static_cast<const T*>(data());
  }

  // Same bytes, another shape. REQUIRES: equal element counts.
  Tensor Reshaped(Shape shape) const;

  // Element i converted; uint64 beyond int64 wraps in AsInt. REQUIRES: 0 <= i < size().
  double AsDouble(int64_t i) const;
  int64_t AsInt(int64_t i) const;
  // Sets element i, rounded to a float type. REQUIRES: an integer type has the value; the caller is
  // the only holder.
  void Set(int64_t i, double value);

 private:
  TensorType type_;
  std::shared_ptr<std::byte> data_;
};

}  // namespace tilewright
