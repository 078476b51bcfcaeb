// Properties of whole programs: every rewrite keeps the result, and text reads back.
#include <gtest/gtest.h>

#include <cstring>

#include "compiler/loop/interpret.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/unroll.h"
#include "compiler/loop/verify.h"
#include "compiler/loop/visit.h"
#include "tests/loop/random_program.h"

namespace tilewright {
namespace {

constexpr uint64_t kSeed = 4242;
constexpr int kRounds = 600;

Tensor Result(const Program& program, std::vector<Tensor> args) {
  args.back() = Tensor(args.back().type());
  const absl::Status status = Interpret(program, args);
  EXPECT_TRUE(status.ok()) << status << "\n" << Print(program);
  return args.back();
}

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() &&
         std::memcmp(a.data(), b.data(), static_cast<size_t>(a.bytes())) == 0;
}

bool HasUnrolledLoop(const Program& program) {
  bool found = false;
  ForEachStmt(program.body, [&found](const Stmt& s) {
    found = found || (s->kind == StmtKind::kFor && s->loop == LoopKind::kUnrolled);
  });
  return found;
}

TEST(RandomPrograms, KeepTheirResultWhenSimplifiedAndUnrolled) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Rng rng(kSeed);
  for (int round = 0; round < kRounds; ++round) {
    const Program program = RandomProgram(&rng);
    const std::vector<Tensor> args = RandomArguments(program, &rng);
    const Tensor expected = Result(program, args);
    Program simple = program;
    simple.body = Simplify(program.body);
    ASSERT_TRUE(SameBits(Result(simple, args), expected)) << Print(program) << Print(simple);
    const Program unrolled = UnrollLoops(program);
    ASSERT_TRUE(SameBits(Result(unrolled, args), expected)) << Print(program) << Print(unrolled);
    ASSERT_FALSE(HasUnrolledLoop(unrolled)) << Print(unrolled);
  }
}

TEST(RandomPrograms, VerifyBeforeAndAfterRewriting) {
  Rng rng(kSeed);
  for (int round = 0; round < kRounds; ++round) {
    const Program program = RandomProgram(&rng);
    ASSERT_TRUE(Verify(program).ok()) << Verify(program) << "\n" << Print(program);
    const Program unrolled = UnrollLoops(program);
    ASSERT_TRUE(Verify(unrolled).ok()) << Verify(unrolled) << "\n" << Print(unrolled);
  }
}

TEST(RandomPrograms, ReadBackFromTheirText) {
  Rng rng(kSeed);
  for (int round = 0; round < kRounds; ++round) {
    const Program program = RandomProgram(&rng);
    const std::string text = Print(program);
    const absl::StatusOr<Program> parsed = ParseProgram(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
    ASSERT_EQ(Print(*parsed), text);
    const std::vector<Tensor> args = RandomArguments(program, &rng);
    ASSERT_TRUE(SameBits(Result(*parsed, args), Result(program, args))) << text;
  }
}

// Damaged text is refused or read, never a crash.
TEST(RandomPrograms, SurviveDamageToTheirText) {
  Rng rng(kSeed);
  for (int round = 0; round < kRounds; ++round) {
    std::string text = Print(RandomProgram(&rng));
    for (int i = 0; i < 3; ++i) {
      const size_t at = rng.Below(text.size());
      if (rng.Below(2) == 0) {
        text[at] = text[rng.Below(text.size())];
      } else {
        text.erase(at, 1 + rng.Below(8));
      }
    }
    const absl::StatusOr<Program> parsed = ParseProgram(text);
    if (!parsed.ok()) {
      ASSERT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    } else {
      ASSERT_EQ(Print(*ParseProgram(Print(*parsed))), Print(*parsed));
    }
  }
}

}  // namespace
}  // namespace tilewright
