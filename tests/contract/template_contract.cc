#include "tests/contract/template_contract.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/unroll.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

std::vector<Tensor> RandomArguments(const Workload& workload, uint64_t seed) {
  std::vector<Tensor> args;
  Rng rng(seed);
  for (const TensorType& type : ArgumentTypes(workload)) {
    Tensor tensor(type);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const double value = IsFloat(type.dtype) ? rng.Uniform(-1, 1) : rng.Uniform(-100, 100);
      tensor.Set(i, IsUnsigned(type.dtype) ? std::fabs(value) : value);
    }
    args.push_back(std::move(tensor));
  }
  args.back() = Tensor(args.back().type());
  return args;
}

// Interprets a task whose buffers may have other shapes of the same sizes.
Tensor Run(const LoweredTask& task, std::vector<Tensor> operands) {
  const size_t output = operands.size() - 1;
  const TensorType out_type = operands[output].type();
  operands[output] = Tensor(out_type);
  for (const TensorType& type : task.buffers) operands.emplace_back(type);
  for (const std::vector<LoweredStep>* steps : {&task.prepare, &task.steps}) {
    for (const LoweredStep& step : *steps) {
      std::vector<Tensor> args;
      for (size_t i = 0; i < step.operands.size(); ++i) {
        args.push_back(operands[step.operands[i]].Reshaped(step.program.params[i]->shape));
      }
      for (const int operand : step.operands) operands[operand] = Tensor();  // one holder
      const absl::Status status = Interpret(step.program, args);
      EXPECT_TRUE(status.ok()) << status;
      for (size_t i = 0; i < step.operands.size(); ++i) operands[step.operands[i]] = args[i];
    }
  }
  return operands[output].Reshaped(out_type.shape);
}

LoweredTask Unrolled(LoweredTask task) {
  for (std::vector<LoweredStep>* steps : {&task.prepare, &task.steps}) {
    for (LoweredStep& step : *steps) step.program = UnrollLoops(step.program);
  }
  return task;
}

void ExpectVerified(const LoweredTask& task) {
  for (const std::vector<LoweredStep>* steps : {&task.prepare, &task.steps}) {
    for (const LoweredStep& step : *steps) {
      ASSERT_TRUE(Verify(step.program).ok()) << Verify(step.program);
    }
  }
}

void ExpectSame(const Tensor& actual, const Tensor& expected, double tolerance) {
  for (int64_t i = 0; i < expected.size(); ++i) {
    const double a = actual.AsDouble(i), e = expected.AsDouble(i);
    ASSERT_LE(std::fabs(a - e), tolerance * (1 + std::fabs(e))) << "at element " << i;
  }
}

}  // namespace

void CheckTemplate(const TemplateEntry& entry, const Workload& workload, const Target& target,
                   int samples, uint64_t seed) {
  SCOPED_TRACE(entry.name + " " + workload.Key() + " seed " + std::to_string(seed));
  ASSERT_TRUE(entry.impl->Matches(workload, target));
  const std::vector<Tensor> args = RandomArguments(workload, seed);
  const Tensor expected = Run(SingleStep(LowerPlain(Define(workload))), args);
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
    const absl::StatusOr<LoweredTask> task = entry.impl->Lower(workload, target, config);
    ASSERT_TRUE(task.ok()) << task.status();
    ExpectVerified(*task);
    // Sums of integers are exact; narrow floats are rounded once more.
    const DType out = OutputTypeOf(workload);
    const bool exact = !IsFloat(AccumulatorOf(workload));
    const double tolerance =
        (exact ? 0 : entry.impl->Tolerance(workload, config)) + 2 * RoundoffOf(out);
    ExpectSame(Run(*task, args), expected, tolerance);
    if (i == 0) ExpectSame(Run(Unrolled(*task), args), expected, tolerance);
    if (testing::Test::HasFatalFailure()) return;
  }
  const Config foreign{{{"no_such_knob", OtherEntity{int64_t{1}}}}};
  EXPECT_EQ(entry.impl->Lower(workload, target, foreign).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace tilewright
