// Every parser over its seeds and over what damage makes of them: it answers, and what it accepts
// is what it says.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "tests/fuzz/target.h"

namespace tilewright {
namespace {

constexpr uint64_t kSeed = 20261126;

char AnyByte(Rng& rng) { return static_cast<char>(rng.Next()); }

// One edit: a byte changed or copied from elsewhere, a part lost or twice, the end lost.
void Edit(std::string& bytes, Rng& rng) {
  if (bytes.empty()) bytes += AnyByte(rng);
  const size_t at = rng.Below(bytes.size());
  const size_t size = 1 + rng.Below(std::min<size_t>(16, bytes.size() - at));
  switch (rng.Below(5)) {
    case 0: bytes[at] = AnyByte(rng); break;
    case 1: bytes.erase(at, size); break;
    case 2: bytes.insert(at, bytes.substr(at, size)); break;
    case 3: bytes[at] = bytes[rng.Below(bytes.size())]; break;
    case 4: bytes.resize(at); break;
  }
}

std::string Damaged(std::string bytes, Rng& rng) {
  for (uint64_t edits = 1 + rng.Below(3); edits > 0; --edits) Edit(bytes, rng);
  return bytes;
}

class Parser : public testing::TestWithParam<NamedFuzzTarget> {};

TEST_P(Parser, AnswersWhateverBecameOfItsInput) {
  const FuzzTarget target = GetParam().make();
  ASSERT_FALSE(target.seeds.empty());
  SCOPED_TRACE(kSeed);
  Rng rng(kSeed);
  for (size_t i = 0; i < target.seeds.size(); ++i) {
    EXPECT_TRUE(target.read(target.seeds[i])) << "seed " << i << " is refused";
    for (int n = 0; n < target.variants; ++n) target.read(Damaged(target.seeds[i], rng));
  }
  for (const std::string& bytes : target.broke) target.read(bytes);
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Parser, testing::ValuesIn(FuzzTargets()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tilewright
