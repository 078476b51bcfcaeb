// A verb of the command: one file, cli/<stem>.cc, that defines `void verb_<stem>(CLI::App& parent)`
// and has its line in cli/CMakeLists.txt. The function calls AddVerb and adds options:
//
//   void verb_best(CLI::App& parent) {
//     auto options = std::make_shared<Options>();
//     CLI::App* verb = AddVerb(parent, {"best", "prints the best record of each workload",
//                                       "  tilewright best --op conv2d\n"},
//                              [options] { return Best(*options); });
//     verb->add_option("--op", options->op, "only this operator");
//   }
//
// Results go to stdout; progress, warnings and logs to stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace tilewright {

struct VerbInfo {
  std::string name;     // as typed
  std::string summary;  // one line, lower case: "compiles a model into a package"
  std::string example;  // worked example: commands and what they print; REQUIRES: not empty
};

// Runs after parsing; the exit code is ExitCodeOf(status), the message goes to stderr as
// "tilewright VERB: message".
using VerbAction = std::function<absl::Status()>;

// The new subcommand. The parent owns it.
CLI::App* AddVerb(CLI::App& parent, VerbInfo info, VerbAction action);

// A verb that only groups others ("records"): one of its own verbs must be given.
CLI::App* AddVerbGroup(CLI::App& parent, VerbInfo info);

// "tilewright records import" for a nested verb.
std::string FullName(const CLI::App& app);

// The whole command: parses, runs, returns the process's exit code.
int RunCommand(int argc, const char* const* argv);

}  // namespace tilewright
