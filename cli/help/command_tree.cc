#include "cli/help/command_tree.h"

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

// CLI11 shows the values of a set in the type's name: "TEXT:{a,b}".
std::vector<std::string> ChoicesOf(const std::string& type) {
  const size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return absl::StrSplit(type.substr(open + 1, close - open - 1), ',', absl::SkipEmpty());
}

CommandOption Describe(const CLI::Option& option) {
  CommandOption described{.positional = option.get_positional(),
                          .summary = option.get_description(),
                          .required = option.get_required()};
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  if (described.positional) described.names = {option.get_name(true)};
  if (option.get_items_expected_max() > 0) {
    const std::string type = option.get_type_name();
    described.choices = ChoicesOf(type);
    described.value = type.substr(0, type.find_first_of(":["));
    absl::StripAsciiWhitespace(&described.value);
  }
  return described;
}

}  // namespace

Command DescribeCommand(const CLI::App& app) {
  Command command{
      .name = FullName(app), .summary = app.get_description(), .footer = app.get_footer()};
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) command.options.push_back(Describe(*option));
  }
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    command.verbs.push_back(DescribeCommand(*verb));
  }
  return command;
}

void ForEachCommand(const Command& command, const std::function<void(const Command&)>& visit) {
  visit(command);
  for (const Command& verb : command.verbs) ForEachCommand(verb, visit);
}

std::string LastWord(const Command& command) {
  return command.name.substr(command.name.rfind(' ') + 1);
}

}  // namespace tilewright
