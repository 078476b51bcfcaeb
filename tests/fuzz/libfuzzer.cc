// One target for LLVM's libFuzzer (preset fuzz); --seeds=FOLDER writes its seeds and ends.
#include <glob.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget FUZZ_TARGET();

namespace {

void WriteSeeds(const std::string& folder) {
  int number = 0;
  const auto next = [&] { return folder + "/seed-" + std::to_string(number++); };
  const FuzzTarget target = FUZZ_TARGET();
  for (const std::vector<std::string>* seeds : {&target.seeds, &target.broke}) {
    for (const std::string& seed : *seeds) std::ofstream(next(), std::ios::binary) << seed;
  }
  glob_t files = {};
  if (glob(target.files, 0, nullptr, &files) == 0) {
    for (size_t i = 0; i < files.gl_pathc; ++i) {
      std::filesystem::copy_file(files.gl_pathv[i], next(),
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  globfree(&files);
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
