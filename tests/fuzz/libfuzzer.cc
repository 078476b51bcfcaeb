// LLVM's libFuzzer over one target: `fuzz-parsers NAME [libFuzzer's options]`.
// `fuzz-parsers --list` prints the names, `fuzz-parsers --seeds NAME FOLDER` writes the seeds.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "tests/fuzz/target.h"

namespace tilewright {
namespace {

bool (*read_input)(std::string_view) = nullptr;

FuzzTarget TargetNamed(std::string_view name) {
  for (const NamedFuzzTarget& target : FuzzTargets()) {
    if (target.name == name) return target.make();
  }
  std::cerr << "fuzz-parsers: no target " << name << "; --list prints the known ones\n";
  std::exit(2);
}

void WriteSeeds(const FuzzTarget& target, const std::string& folder) {
  for (size_t i = 0; i < target.seeds.size(); ++i) {
    std::ofstream file(folder + "/seed" + std::to_string(i), std::ios::binary);
    if (!(file << target.seeds[i])) {
      std::cerr << "fuzz-parsers: cannot write to " << folder << "\n";
      std::exit(4);
    }
  }
}

}  // namespace
}  // namespace tilewright

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using namespace tilewright;
  const std::vector<std::string> words(*argv + 1, *argv + *argc);
  if (words.size() == 1 && words[0] == "--list") {
    for (const NamedFuzzTarget& target : FuzzTargets()) std::cout << target.name << "\n";
    std::exit(0);
  }
  if (words.size() == 3 && words[0] == "--seeds") {
    WriteSeeds(TargetNamed(words[1]), words[2]);
    std::exit(0);
  }
  if (words.empty()) {
    std::cerr << "usage: fuzz-parsers NAME [libFuzzer's options]\n";
    std::exit(2);
  }
  read_input = TargetNamed(words[0]).read;
  (*argv)[1] = (*argv)[0];  // libFuzzer sees the rest
  ++*argv;
  --*argc;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tilewright::read_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
