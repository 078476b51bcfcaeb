#include "tests/contract/template_contract.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/unroll.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/define.h"

namespace tilewright {
namespace {

std::vector<Tensor> RandomArguments(const Workload& workload, uint64_t seed) {
  std::vector<Tensor> args;
  Rng rng(seed);
  for (const TensorType& type : ArgumentTypes(workload)) {
    Tensor tensor(type);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      tensor.as<float>()[i] = static_cast<float>(rng.Uniform(-1, 1));
    }
    args.push_back(std::move(tensor));
  }
  args.back() = Tensor(args.back().type());
  return args;
}

// Interprets a program whose buffers may have other shapes of the same sizes.
Tensor Run(const Program& program, std::vector<Tensor> args) {
  const TensorType out_type = args.back().type();
  args.back() = Tensor(out_type);
  for (size_t i = 0; i < args.size(); ++i) {
    args[i] = args[i].Reshaped(program.params[i]->shape);
  }
  const absl::Status status = Interpret(program, args);
  EXPECT_TRUE(status.ok()) << status;
  return args.back().Reshaped(out_type.shape);
}

void ExpectSame(const Tensor& actual, const Tensor& expected) {
  for (int64_t i = 0; i < expected.size(); ++i) {
    const float a = actual.as<float>()[i], e = expected.as<float>()[i];
    ASSERT_LE(std::fabs(a - e), 1e-4 * (1 + std::fabs(e))) << "at element " << i;
  }
}

}  // namespace

void CheckTemplate(const TemplateEntry& entry, const Workload& workload, const Target& target,
                   int samples, uint64_t seed) {
  SCOPED_TRACE(entry.name + " " + workload.Key() + " seed " + std::to_string(seed));
  ASSERT_TRUE(entry.impl->Matches(workload, target));
  const std::vector<Tensor> args = RandomArguments(workload, seed);
  const Tensor expected = Run(LowerPlain(Define(workload)), args);
  const ConfigSpace space = entry.impl->Space(workload, target);
  Rng rng(seed);
  for (int i = 0; i <= samples; ++i) {
    Config config = entry.impl->Default(workload, target);
    if (i > 0) {
      const std::optional<uint64_t> index = space.Sample(rng);
      ASSERT_TRUE(index.has_value());
      config = space.At(*index);
    }
    SCOPED_TRACE(EntitiesToJson(config));
    ASSERT_EQ(space.WhyInvalid(config), std::nullopt);
    const absl::StatusOr<Program> program = entry.impl->Lower(workload, target, config);
    ASSERT_TRUE(program.ok()) << program.status();
    ASSERT_TRUE(Verify(*program).ok()) << Verify(*program);
    ExpectSame(Run(*program, args), expected);
    if (i == 0) ExpectSame(Run(UnrollLoops(*program), args), expected);
    if (testing::Test::HasFatalFailure()) return;
  }
  const Config foreign{{{"no_such_knob", OtherEntity{int64_t{1}}}}};
  EXPECT_EQ(entry.impl->Lower(workload, target, foreign).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace tilewright
