#include "tests/contract/template_contract.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/unroll.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

double Extreme(DType dtype, bool largest) {
  if (IsFloat(dtype)) return largest ? 1 : -1;
  return largest ? static_cast<double>(LimitsOf(dtype).highest)  // whose types differ
                 : static_cast<double>(LimitsOf(dtype).lowest);
}

// Runs of one extreme, long enough that most sums are of one sign.
void FillWithExtremes(Rng& rng, Tensor* tensor) {
  bool largest = false;
  for (int64_t i = 0; i < tensor->size(); ++i) {
    if (rng.Below(1000) == 0 || i == 0) largest = rng.Below(2) == 0;
    tensor->Set(i, Extreme(tensor->dtype(), largest));
  }
}

std::vector<Tensor> RandomArguments(const Workload& workload, uint64_t seed, Elements elements) {
  std::vector<Tensor> args;
  Rng rng(seed);
  for (const TensorType& type : ArgumentTypes(workload)) {
    Tensor tensor(type);
    if (elements == Elements::kExtremes) FillWithExtremes(rng, &tensor);
    for (int64_t i = 0; elements == Elements::kModerate && i < tensor.size(); ++i) {
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

double LargestOf(const Tensor& tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    largest = std::max(largest, std::fabs(tensor.AsDouble(i)));
  }
  return largest;
}

// To within `tolerance` of each element, or where it is rounding that all of a sum share, within
// `of_largest` of the largest.
void ExpectSame(const Tensor& actual, const Tensor& expected, double tolerance, double of_largest) {
  const double shared = of_largest * LargestOf(expected);
  for (int64_t i = 0; i < expected.size(); ++i) {
    const double a = actual.AsDouble(i), e = expected.AsDouble(i);
    ASSERT_LE(std::fabs(a - e), shared + tolerance * (1 + std::fabs(e))) << "at element " << i;
  }
}

}  // namespace

void CheckTemplate(const TemplateEntry& entry, const Workload& workload, const Target& target,
                   const Samples& samples) {
  const uint64_t seed = samples.seed;
  SCOPED_TRACE(entry.name + " " + workload.Key() + " seed " + std::to_string(seed));
  ASSERT_TRUE(entry.impl->Matches(workload, target));
  const std::vector<Tensor> args = RandomArguments(workload, seed, samples.elements);
  const Tensor expected = Run(SingleStep(LowerPlain(Define(workload))), args);
  const ConfigSpace space = entry.impl->Space(workload, target);
  Rng rng(seed);
  for (int i = 0; i <= samples.count; ++i) {
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
    const bool integers = !IsFloat(AccumulatorOf(workload));
    const double tolerance =
        (integers ? 0 : entry.impl->Tolerance(workload, config)) + 2 * RoundoffOf(out);
    const double of_largest =
        entry.impl->Exact(workload) ? 0 : entry.impl->Tolerance(workload, config);
    ExpectSame(Run(*task, args), expected, tolerance, of_largest);
    if (i == 0) ExpectSame(Run(Unrolled(*task), args), expected, tolerance, of_largest);
    if (testing::Test::HasFatalFailure()) return;
  }
  const Config foreign{{{"no_such_knob", OtherEntity{int64_t{1}}}}};
  EXPECT_EQ(entry.impl->Lower(workload, target, foreign).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace tilewright
