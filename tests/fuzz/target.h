// What reads bytes from outside, each as a fuzz target: tests/fuzz/NAME.cc defines
// `FuzzTarget NAME()`. damage_test.cc runs all over damaged seeds, scripts/fuzz by libFuzzer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tilewright {

struct FuzzTarget {
  std::vector<std::string> seeds;  // inputs that are read; small
  // Reads the input as the program does; whether it was accepted. It returns for all bytes, and
  // what was accepted is checked (TW_CHECK) for what its reader promises, such as to print back.
  bool (*read)(std::string_view bytes);
  int variants = 1000;  // that damage_test tries of each seed
  // What once broke it, accepted or not.
  std::vector<std::string> broke = {};
  // Of files that are seeds for libFuzzer, too: a pattern as of glob(3).
  const char* files = "";
};

struct NamedFuzzTarget {
  std::string_view name;
  FuzzTarget (*make)();
};
// All, by name.
const std::vector<NamedFuzzTarget>& FuzzTargets();

}  // namespace tilewright
