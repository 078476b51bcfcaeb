// tilewright operators: the ONNX operators that are imported, from which opset on and in which
// element types.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/verb.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/operator_table.h"

namespace tilewright {
namespace {

struct OperatorOptions {
  bool json = false, markdown = false;
};

nlohmann::ordered_json AsJson(const SupportedOperator& op) {
  std::vector<std::string> types;
  for (DType type : kAllDTypes) {
    if (op.types.Has(type)) types.emplace_back(NameOf(type));
  }
  return {
      {"name", op.name}, {"opset", op.since}, {"types", types}, {"sequences", op.takes_sequences}};
}

absl::Status PrintOperators(const OperatorOptions& options) {
  if (options.json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const SupportedOperator& op : SupportedOperators()) all.push_back(AsJson(op));
    std::cout << all.dump(2) << "\n";
  } else {
    std::cout << (options.markdown ? OperatorPage() : OperatorTable());
  }
  return absl::OkStatus();
}

}  // namespace

void verb_operators(CLI::App& parent) {
  const auto options = std::make_shared<OperatorOptions>();
  CLI::App* verb = AddVerb(parent,
                           {"operators", "lists the supported ONNX operators",
                            "  $ tilewright operators | grep '^MatMul'\n"
                            "  MatMul           7+  floats int32 int64 uint32 uint64\n"
                            "  MatMulInteger   10+  int8 uint8\n"},
                           [options] { return PrintOperators(*options); });
  CLI::Option* json = verb->add_flag("--json", options->json, "print JSON");
  verb->add_flag("--markdown", options->markdown, "print the page compiler/onnx/OPERATORS.md")
      ->excludes(json);
}

}  // namespace tilewright
