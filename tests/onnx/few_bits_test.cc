// Weights of a few bits, of which several share a byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "compiler/onnx/import.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using onnx::TensorProto;

Tensor Uniform(const Shape& shape, double low, double high, Rng& rng) {
  Tensor tensor({DType::kF32, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, rng.Uniform(low, high));
  return tensor;
}

Tensor RandomBytes(const Shape& shape, Rng& rng) {
  Tensor tensor({DType::kU8, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, static_cast<double>(rng.Below(256)));
  return tensor;
}

void Add(ModelBuilder& m, const std::string& name, const Tensor& tensor) {
  TensorProto& proto = *m.graph().add_initializer();
  proto.set_name(name);
  proto.set_data_type(tensor.dtype() == DType::kU8 ? TensorProto::UINT8 : TensorProto::FLOAT);
  for (int64_t dim : tensor.shape()) proto.add_dims(dim);
  proto.set_raw_data(tensor.data(), tensor.bytes());
}

void AddScalar(ModelBuilder& m, const std::string& name, float value) {
  Add(m, name, Tensor({DType::kF32, {}}, std::vector<float>{value}));
}

// A product of 2 rows by 3 columns of 20 weights of a few bits, in blocks of 16, so that the second
// block of a column is short; each block has a scale and, packed alike, a zero point.
class FewBitProduct {
 public:
  FewBitProduct(int64_t bits, bool zero_points) : bits_(bits), zero_points_(zero_points) {}

  Tensor Run() const {
    ModelBuilder m(21);
    m.Input("x", {2, 20});
    Add(m, "w", w_);
    Add(m, "s", scales_);
    Add(m, "z", z_);
    onnx::NodeProto& node = m.Node("MatMulNBits", {"x", "w", "s"}, {"y"});
    if (zero_points_) node.add_input("z");
    node.set_domain("com.microsoft");
    SetInt(node, "K", 20);
    SetInt(node, "N", 3);
    SetInt(node, "bits", bits_);
    SetInt(node, "block_size", 16);
    m.Output("y");
    return RunBoth(m, {{"x", x_}}, 1e-5).at(0);
  }

  double Expected(int64_t row, int64_t n) const {
    double sum = 0;
    for (int64_t k = 0; k < 20; ++k) {
      const int64_t block = k / 16;
      const int64_t zero =
          zero_points_ ? Integer(z_, n * zero_bytes_, block) : int64_t{1} << (bits_ - 1);
      const int64_t weight = Integer(w_, (n * 2 + block) * block_bytes_, k % 16);
      sum += x_.AsDouble(row * 20 + k) * static_cast<double>(weight - zero) *
             scales_.AsDouble(n * 2 + block);
    }
    return sum;
  }

 private:
  // Integer number i behind byte `first`; the first of a byte is its lowest bits.
  int64_t Integer(const Tensor& bytes, int64_t first, int64_t i) const {
    const int64_t byte = bytes.AsInt(first + i / per_byte_);
    return byte >> (i % per_byte_ * bits_) & ((1 << bits_) - 1);
  }

  const int64_t bits_;
  const bool zero_points_;
  const int64_t per_byte_ = 8 / bits_, block_bytes_ = 16 / per_byte_;
  const int64_t zero_bytes_ = (2 + per_byte_ - 1) / per_byte_;
  Rng rng_{static_cast<uint64_t>(bits_)};
  const Tensor x_ = Uniform({2, 20}, -1, 1, rng_), scales_ = Uniform({6}, 0.001, 0.003, rng_);
  const Tensor w_ = RandomBytes({3, 2, block_bytes_}, rng_);
  const Tensor z_ = RandomBytes({3 * zero_bytes_}, rng_);
};

TEST(FewBits, WeightsOfAFewBitsAreUnpacked) {
  for (const int64_t bits : {2, 4, 8}) {
    for (const bool zero_points : {false, true}) {
      SCOPED_TRACE(testing::Message() << bits << " bits, zero points: " << zero_points);
      const FewBitProduct product(bits, zero_points);
      const Tensor y = product.Run();
      for (int64_t i = 0; i < 6; ++i) {
        ASSERT_NEAR(y.AsDouble(i), product.Expected(i / 3, i % 3), 1e-5) << "element " << i;
      }
    }
  }
}

// Blocks of 16 of 20 columns; a negative index counts from the end, one outside gives zeros.
TEST(FewBits, RowsOfAFewBitsAreGathered) {
  for (const int64_t bits : {2, 4, 8}) {
    for (const bool zero_points : {false, true}) {
      SCOPED_TRACE(testing::Message() << bits << " bits, zero points: " << zero_points);
      Rng rng(bits);
      const int64_t per_byte = 8 / bits, row_bytes = 20 / per_byte;
      const int64_t zero_bytes = (2 + per_byte - 1) / per_byte;
      const Tensor w = RandomBytes({3, row_bytes}, rng), z = RandomBytes({3, zero_bytes}, rng);
      const Tensor scales = Uniform({3, 2}, 0.001, 0.003, rng);
      ModelBuilder m(21);
      m.Input("i", {2, 2}, TensorProto::INT64);
      Add(m, "w", w);
      Add(m, "s", scales);
      Add(m, "z", z);
      onnx::NodeProto& node = m.Node("GatherBlockQuantized", {"w", "i", "s"}, {"y"});
      if (zero_points) node.add_input("z");
      node.set_domain("com.microsoft");
      SetInt(node, "bits", bits);
      SetInt(node, "block_size", 16);
      m.Output("y");
      const auto integer = [&](const Tensor& bytes, int64_t first, int64_t i) {
        return bytes.AsInt(first + i / per_byte) >> (i % per_byte * bits) & ((1 << bits) - 1);
      };
      const Tensor indices({DType::kI64, {2, 2}}, std::vector<int64_t>{2, -3, 3, 1});
      const int64_t rows[] = {2, 0, -1, 1};
      const Tensor y = RunBoth(m, {{"i", indices}}, 1e-6).at(0);
      ASSERT_EQ(y.shape(), (Shape{2, 2, 20}));
      for (int64_t i = 0; i < 4 * 20; ++i) {
        const int64_t row = rows[i / 20], k = i % 20;
        double expected = 0;
        if (row >= 0) {
          const int64_t zero = zero_points ? integer(z, row * zero_bytes, k / 16) : 1 << (bits - 1);
          expected = static_cast<double>(integer(w, row * row_bytes, k) - zero) *
                     scales.AsDouble(row * 2 + k / 16);
        }
        ASSERT_NEAR(y.AsDouble(i), expected, 1e-6) << i;
      }
    }
  }
}

// A packed initializer: two integers a byte, the first the lower.
TensorProto FourBits(TensorProto::DataType type, const Shape& shape, const std::string& bytes) {
  TensorProto proto;
  proto.set_data_type(type);
  for (int64_t dim : shape) proto.add_dims(dim);
  proto.set_raw_data(bytes);
  return proto;
}

void AddFourBits(ModelBuilder& m, const std::string& name, TensorProto proto) {
  proto.set_name(name);
  *m.graph().add_initializer() = std::move(proto);
}

TEST(FewBits, WeightsOfFourBitsAreDequantised) {
  ModelBuilder m(21);
  m.Input("x", {1, 3});
  AddFourBits(m, "w",
              FourBits(TensorProto::INT4, {3, 1}, std::string("\xF2\x08", 2)));  // 2, -1, -8
  AddFourBits(m, "z", FourBits(TensorProto::INT4, {1}, "\x01"));
  Tensor scale({DType::kF32, {1}});
  scale.Set(0, 0.5);
  Add(m, "s", scale);
  SetInt(m.Node("DequantizeLinear", {"w", "s", "z"}, {"real"}), "axis", 1);
  m.Node("MatMul", {"x", "real"}, {"y"});
  m.Output("y");
  const Tensor x({DType::kF32, {1, 3}}, std::vector<float>{1, 10, 100});
  EXPECT_THAT(Values(RunBoth(m, {{"x", x}}).at(0)), testing::ElementsAre(0.5 - 10 - 450));
}

// What else reads them would see other limits.
TEST(FewBits, WeightsOfFourBitsAreRefusedWhereTheyAreNotDequantised) {
  ModelBuilder m(21);
  m.Input("x", {2});
  AddScalar(m, "s", 0.5);
  AddFourBits(m, "z", FourBits(TensorProto::UINT4, {}, "\x01"));
  m.Node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  m.Node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  m.Output("y");
  EXPECT_THAT(std::string(ImportOnnx(m.Bytes(), {}).status().message()),
              testing::HasSubstr("element type UINT4 is not supported"));
}

}  // namespace
}  // namespace tilewright
