// One target for LLVM's libFuzzer (preset fuzz); --seeds=FOLDER writes its seeds and ends.
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget FUZZ_TARGET();

namespace {

void WriteSeeds(const std::string& folder) {
  int number = 0;
  for (const std::string& seed : FUZZ_TARGET().seeds) {
    std::ofstream(folder + "/seed-" + std::to_string(number++), std::ios::binary) << seed;
  }
}

}  // namespace
}  // namespace tilewright

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view kOption = "--seeds=";
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (!argument.starts_with(kOption)) continue;
    tilewright::WriteSeeds(std::string(argument.substr(kOption.size())));
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  static const tilewright::FuzzTarget target = tilewright::FUZZ_TARGET();
  target.read({reinterpret_cast<const char*>(data), size});
  return 0;
}
