// Zips of arrays.
#include <fstream>
#include <iterator>

#include "cli/npz/npz.h"
#include "tests/fuzz/target.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

std::string Zipped() {
  const TempFolder folder;
  const std::string path = folder / "a.npz";
  WriteNpz(path, {{"x", "float32", {2}, std::string(8, '\1')}, {"y", "int64", {0}, ""}})
      .IgnoreError();
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

FuzzTarget npz_file() {
  return {{Zipped()},
          [](std::string_view bytes) {
            const TempFolder folder;
            std::ofstream(folder / "a.npz", std::ios::binary) << bytes;
            return ReadNpz(folder / "a.npz").ok();
          },
          /*variants=*/200};
}

}  // namespace tilewright
