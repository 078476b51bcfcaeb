// tilewright targets: what can be compiled for, and what of it is here.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verb.h"
#include "compiler/targets/target_backend.h"

namespace tilewright {
namespace {

void PrintJson() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const TargetEntry& entry : Targets()) {
    list.push_back({{"name", entry.name},
                    {"summary", std::string(entry.impl->Summary())},
                    {"here", entry.impl->Found()}});
  }
  std::cout << list.dump(2) << "\n";
}

void PrintText() {
  for (const TargetEntry& entry : Targets()) {
    std::cout << entry.name << ": " << entry.impl->Summary() << "\n  here: " << entry.impl->Found()
              << "\n";
  }
}

}  // namespace

void verb_targets(CLI::App& parent) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* verb =
      AddVerb(parent,
              {"targets", "lists the kinds of target, and what of each was found on this machine",
               "  $ tilewright targets\n"
               "  cpu: any CPU that LLVM knows: x86-64 with AVX2 or AVX-512, AArch64, ...\n"
               "    here: this machine is cpu -mcpu=znver5\n"
               "  cuda: NVIDIA GPUs from sm_75: cuda -arch=sm_90\n"
               "    here: no CUDA driver (libcuda.so.1): ...; NVRTC 13.0 compiles for sm_75 ...\n"},
              [json] {
                *json ? PrintJson() : PrintText();
                return absl::OkStatus();
              });
  verb->add_flag("--json", *json, "print JSON");
}

}  // namespace tilewright
