#include "compiler/core/tensor.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <new>

#include "base/rng.h"
#include "compiler/core/outcome.h"

namespace tilewright {
namespace {

TEST(TensorType, TextReadsBack) {
  for (const char* text : {"float32[1,3,224,224]", "int64[]", "bool[0,5]", "uint8[7]"}) {
    const absl::StatusOr<TensorType> type = ParseTensorType(text);
    ASSERT_TRUE(type.ok()) << type.status();
    EXPECT_EQ(ToString(*type), text);
  }
}

TEST(TensorType, RefusesWhatIsNoType) {
  for (const char* text : {"", "float32", "float32[", "float99[1]", "float32[x]", "float32[-1]",
                           "float32[1099511627776,1099511627776]", "int8[1,1,1,1,1,1,1,1,1]"}) {
    EXPECT_EQ(ParseTensorType(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Tensor, ConvertsElements) {
  const Tensor t({.dtype = DType::kI8, .shape = {3}}, std::vector<int8_t>{-1, 2, 127});
  EXPECT_EQ(t.AsInt(0), -1);
  EXPECT_EQ(t.AsDouble(2), 127.0);
  EXPECT_EQ(t.bytes(), 3);
}

// Under UndefinedBehaviorSanitizer: no elements are nowhere, which memcpy must not be given.
TEST(Tensor, OfNoElementsIsMadeOfNone) {
  const Tensor none({DType::kF32, {0, 3}}, std::vector<float>());
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.bytes(), 0);
}

TEST(Tensor, IsZeroFilledAndAligned) {
  const Tensor t(TensorType{.dtype = DType::kF64, .shape = {5}});
  for (int64_t i = 0; i < t.size(); ++i) EXPECT_EQ(t.AsDouble(i), 0.0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(t.data()) % 64, 0u);
}

TEST(Outcome, FailureNamesReadBack) {
  for (int kind = 0; kind <= static_cast<int>(FailureKind::kUnknown); ++kind) {
    const auto failure = static_cast<FailureKind>(kind);
    EXPECT_EQ(ParseFailureKind(NameOf(failure)), failure);
  }
  EXPECT_FALSE(ParseFailureKind("sunshine").has_value());
}

TEST(Outcome, TakesTheMedianOfItsSamples) {
  EXPECT_EQ(MedianSeconds(Timing{{3, 1, 2}}), 2);
  EXPECT_EQ(MedianSeconds(Timing{}), std::nullopt);
  EXPECT_EQ(MedianSeconds(Failure{FailureKind::kCrash, "signal 11"}), std::nullopt);
  EXPECT_EQ(AutoTvmErrorNo(Timing{{1}}), 0);
  EXPECT_EQ(AutoTvmErrorNo(Failure{FailureKind::kBuild, ""}), 2);
}

#if defined(__has_feature)
#define UNDER_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define UNDER_ADDRESS_SANITIZER 0
#endif
#if !UNDER_ADDRESS_SANITIZER  // it needs more address space, and ends the process itself
TEST(Tensor, ThatDoesNotFitIsAnExceptionNotACrash) {
  const auto allocate_too_much = [] {
    const rlimit limit = {rlim_t{1} << 30, rlim_t{1} << 30};
    if (setrlimit(RLIMIT_AS, &limit) != 0) std::exit(1);
    try {
      Tensor(TensorType{DType::kF32, {int64_t{1} << 30}});
    } catch (const std::bad_alloc&) {
      std::exit(0);
    }
    std::exit(2);
  };
  EXPECT_EXIT(allocate_too_much(), testing::ExitedWithCode(0), "");
}
#endif

TEST(Rng, GivesTheSameSequenceEverywhere) {
  Rng rng(0);  // the first outputs of SplitMix64 with seed 0
  EXPECT_EQ(rng.Next(), 0xe220a8397b1dcdafu);
  EXPECT_EQ(rng.Next(), 0x6e789e6aa1b965f4u);
  for (int i = 0; i < 1000; ++i) EXPECT_LT(rng.Below(7), 7u);
}

}  // namespace
}  // namespace tilewright
