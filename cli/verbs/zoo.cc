// tilewright zoo: writes a standard network as ONNX with seeded weights.
#include "compiler/onnx/zoo/zoo.h"

#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright zoo resnet18 -o resnet18.onnx\n"
    "  $ tilewright zoo\n"
    "  network        parameters  summary\n"
    "  bert_base       109482240  transformer encoder, 12 layers, sequence length 128\n"
    "  ...\n";

struct Options {
  std::string name;
  std::optional<std::string> output;
  ZooOptions zoo;
};

absl::Status PrintNetworks() {
  Table table({"network", "parameters", "summary"});
  for (const ZooEntry& entry : ZooNetworks()) {
    table.Add({entry.name, absl::StrCat(entry.parameters), entry.summary});
  }
  table.Print(std::cout);
  return absl::OkStatus();
}

absl::Status Zoo(const Options& options) {
  if (options.name.empty()) return PrintNetworks();
  if (!options.output) return UsageError("give the file to write: -o FILE.onnx");
  OutputFile file(*options.output, FileKind::kModel);
  TW_RETURN_IF_ERROR(file.status());
  const absl::Status written = WriteZooModel(options.name, options.zoo, file.draft());
  // An unknown name or a size that cannot be is wrong usage, as an unknown option would be.
  if (absl::IsNotFound(written) || absl::IsInvalidArgument(written)) {
    return WithExitCode(written, ExitCode::kUsage);
  }
  TW_RETURN_IF_ERROR(file.OfDraft(written));
  return file.Commit();
}

}  // namespace

void verb_zoo(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"zoo", "writes a standard network as ONNX with seeded weights", kExample},
              [options] { return Zoo(*options); });
  verb->add_option("NAME", options->name, "the network; without it: the list of them");
  verb->add_option("-o,--output", options->output, "the ONNX file to write");
  verb->add_option("--batch", options->zoo.batch, "batch size (default 1)");
  verb->add_option("--image", options->zoo.image, "height and width (default: as published)");
  verb->add_option("--seed", options->zoo.seed, "of the weights (default 0)");
}

}  // namespace tilewright
