// tilewright: verbs only parse, call and print.
#include "cli/light_verbs.h"
#include "cli/verb.h"
#include "cli/verbs.h"

namespace tilewright {

#define ENTRY(stem) void verb_##stem(CLI::App& parent);
#include "cli/verbs.inc"
#undef ENTRY

const std::vector<void (*)(CLI::App&)>& Verbs() {
  static const auto* verbs = new std::vector<void (*)(CLI::App&)>{
#define ENTRY(stem) &verb_##stem,
#include "cli/verbs.inc"
#undef ENTRY
  };
  return *verbs;
}

}  // namespace tilewright

int main(int argc, char** argv) {
  tilewright::BecomeLightVerb(argc, argv);
  return tilewright::RunCommand(argc, argv);
}
