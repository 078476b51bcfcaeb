// tilewright completion: scripts for shells and the manual page, made from the verbs themselves.
#include <iostream>
#include <memory>

#include "cli/help/completion_scripts.h"
#include "cli/help/man_page.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright completion bash > ~/.local/share/bash-completion/completions/tilewright\n"
    "  $ tilewright completion zsh > \"${fpath[1]}/_tilewright\"\n"
    "  $ tilewright completion fish > ~/.config/fish/completions/tilewright.fish\n"
    "  $ tilewright completion man > tilewright.1 && man ./tilewright.1\n";

std::string TextOf(const std::string& form, const Command& root) {
  if (form == "bash") return BashCompletion(root);
  if (form == "zsh") return ZshCompletion(root);
  if (form == "fish") return FishCompletion(root);
  return ManPage(root, TILEWRIGHT_VERSION);
}

}  // namespace

void verb_completion(CLI::App& parent) {
  auto form = std::make_shared<std::string>();
  CLI::App* verb = AddVerb(
      parent, {"completion", "prints a shell's completion script or the manual page", kExample},
      [form, &parent] {
        std::cout << TextOf(*form, DescribeCommand(parent));
        return absl::OkStatus();
      });
  verb->add_option("FORM", *form, "what to print")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish", "man"}));
}

}  // namespace tilewright
