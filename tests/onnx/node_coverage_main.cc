// Runs every node test of a folder, one line each: "passed", "refused" (Unimplemented) or "wrong",
// the test's name and the reason. Used by bench/onnx_nodes.
#include <iostream>

#include "absl/strings/str_replace.h"
#include "tests/onnx/node_data.h"

namespace tilewright {
namespace {

const char* Verdict(const absl::Status& status) {
  if (status.ok()) return "passed";
  return absl::IsUnimplemented(status) ? "refused" : "wrong";
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bench-onnx-nodes FOLDER\n";
    return 2;
  }
  for (const std::filesystem::path& folder : NodeTestFolders(argv[1])) {
    const absl::Status status = RunNodeTest(folder);
    std::cout << Verdict(status) << "\t" << folder.filename().string() << "\t"
              << absl::StrReplaceAll(status.message(), {{"\n", " "}}) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) { return tilewright::Main(argc, argv); }
