// The command's verbs and options as values: what completion scripts and the manual are made from,
// taken from the parser itself, so that they say what --help says.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace tilewright {

struct CommandOption {
  std::vector<std::string> names;  // "-o", "--output"; of a positional one, its name
  bool positional = false;
  std::string value;                 // what it takes: "TEXT"; empty for a flag
  std::vector<std::string> choices;  // the values there are, where they are listed
  std::string summary;
  bool required = false;
};

struct Command {
  std::string name;  // in full: "tilewright records import"
  std::string summary;
  std::string footer;  // the worked example; of the root the exit codes too
  std::vector<CommandOption> options;
  std::vector<Command> verbs;
};

// Hidden options are left out.
Command DescribeCommand(const CLI::App& app);

// Calls `visit` for the command and all beneath it, parents first.
void ForEachCommand(const Command& command, const std::function<void(const Command&)>& visit);

// "import" of "tilewright records import".
std::string LastWord(const Command& command);

}  // namespace tilewright
