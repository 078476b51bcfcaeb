#include "cli/light_verbs.h"

#include <unistd.h>

#include <string>
#include <string_view>

#include "cli/executable.h"

namespace tilewright {

void BecomeLightVerb(int argc, char** argv) {
  constexpr std::string_view kLightVerbs[] = {"run"};
  if (argc < 2) return;
  for (const std::string_view verb : kLightVerbs) {
    if (verb != argv[1]) continue;
    const std::string program = ExecutableFolder() / ("tilewright-" + std::string(verb));
    execv(program.c_str(), argv);  // returns only when it fails: then this program does the work
  }
}

}  // namespace tilewright
