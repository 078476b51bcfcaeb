// Attention's template where rows see no key, or none of a block of keys: as the definition.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

constexpr uint64_t kSeed = 5;

// Three queries see no key; others see none of the first 64, or of the last ones.
Tensor MaskOf(const TensorType& type) {
  const double hidden = -std::numeric_limits<double>::infinity();
  const int64_t keys = type.shape[3];
  Tensor mask(type);
  for (int64_t i = 0; i < mask.size(); ++i) {
    const int64_t query = i / keys, key = i % keys;
    const bool hides = query % 4 == 0 || (query % 4 == 1 && key < 64) ||
                       (query % 4 == 2 && key >= 64) || (query % 4 == 3 && key % 3 == 0);
    mask.Set(i, hides ? hidden : 0);
  }
  return mask;
}

std::vector<Tensor> MaskedArguments(const Workload& w) {
  Rng rng(kSeed);
  std::vector<Tensor> args;
  for (const TensorType& type : ArgumentTypes(w)) {
    Tensor tensor(type);
    for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, rng.Uniform(-1, 1));
    args.push_back(std::move(tensor));
  }
  args[3] = MaskOf(args[3].type());
  return args;
}

Tensor RunSteps(const LoweredTask& task, std::vector<Tensor> operands) {
  const size_t output = operands.size() - 1;
  for (const TensorType& type : task.buffers) operands.emplace_back(type);
  for (const LoweredStep& step : task.steps) {
    std::vector<Tensor> args;
    for (size_t i = 0; i < step.operands.size(); ++i) {
      args.push_back(operands[step.operands[i]].Reshaped(step.program.params[i]->shape));
    }
    EXPECT_TRUE(Interpret(step.program, args).ok());
    for (size_t i = 0; i < step.operands.size(); ++i) operands[step.operands[i]] = args[i];
  }
  return operands[output].Reshaped(operands[output].shape());
}

void ExpectAlike(const Tensor& actual, const Tensor& expected) {
  for (int64_t i = 0; i < expected.size(); ++i) {
    const double a = actual.AsDouble(i), e = expected.AsDouble(i);
    ASSERT_TRUE(std::isnan(e) ? std::isnan(a) : std::fabs(a - e) < 1e-5)
        << i << ": " << a << " " << e;
  }
}

TEST(AttentionTemplate, GivesRowsWithoutKeysWhatTheDefinitionGives) {
  const Target target = ParseTarget("cpu -mcpu=znver4").value();
  const Template& attention = *FindTemplate("attention.cpu").value();
  for (const int empty_rows : {0, 1}) {
    const Workload w =
        ParseWorkload(absl::StrCat("attention(float32[1,10,2,6],float32[1,150,1,6],"
                                   "float32[1,150,1,18],float32[1,1,10,150];causal=-1;empty_rows=",
                                   empty_rows, ";scaled=1;,,)"))
            .value();
    const std::vector<Tensor> args = MaskedArguments(w);
    const Tensor expected = RunSteps(SingleStep(LowerPlain(Define(w))), args);
    const ConfigSpace space = attention.Space(w, target);
    Rng rng(kSeed);
    for (int sample = 0; sample < 12; ++sample) {
      const Config config = space.At(*space.Sample(rng));
      SCOPED_TRACE(absl::StrCat("seed ", kSeed, " ", EntitiesToJson(config)));
      ExpectAlike(RunSteps(attention.Lower(w, target, config).value(), args), expected);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(AttentionTemplate, NeverHoldsAllScores) {
  const Target target = ParseTarget("cpu -mcpu=znver4").value();
  const Template& attention = *FindTemplate("attention.cpu").value();
  const Workload w = ParseWorkload(
                         "attention(float32[1,4096,8,64],float32[1,4096,8,64],"
                         "float32[1,4096,8,64];causal=0;empty_rows=0;scaled=1;,,)")
                         .value();
  const LoweredTask task = attention.Lower(w, target, attention.Default(w, target)).value();
  for (const TensorType& buffer : task.buffers) {
    EXPECT_LE(NumElements(buffer.shape), NumElements(w.inputs[1].shape));
  }
}

}  // namespace
}  // namespace tilewright
