// tilewright operators: the ONNX operators that are imported.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verb.h"
#include "compiler/onnx/import.h"

namespace tilewright {
namespace {

absl::Status PrintOperators(bool json) {
  const std::vector<std::string> names = SupportedOperators();
  if (json) {
    std::cout << nlohmann::json(names).dump(2) << "\n";
    return absl::OkStatus();
  }
  for (const std::string& name : names) std::cout << name << "\n";
  return absl::OkStatus();
}

}  // namespace

void verb_operators(CLI::App& parent) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* verb = AddVerb(parent,
                           {"operators", "lists the supported ONNX operators",
                            "  $ tilewright operators | grep MatMul\n"
                            "  MatMul\n"
                            "  MatMulInteger\n"
                            "  QLinearMatMul\n"},
                           [json] { return PrintOperators(*json); });
  verb->add_flag("--json", *json, "print JSON");
}

}  // namespace tilewright
