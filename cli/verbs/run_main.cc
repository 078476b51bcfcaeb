// tilewright-run: the verb `run` alone, without the compiler (cli/light_verbs.h).
#include "cli/verb.h"
#include "cli/verbs.h"

namespace tilewright {

void verb_run(CLI::App& parent);

const std::vector<void (*)(CLI::App&)>& Verbs() {
  static const auto* verbs = new std::vector<void (*)(CLI::App&)>{&verb_run};
  return *verbs;
}

}  // namespace tilewright

int main(int argc, char** argv) { return tilewright::RunCommand(argc, argv); }
