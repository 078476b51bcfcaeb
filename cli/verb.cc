#include "cli/verb.h"

#include <iostream>
#include <new>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/strings.h"
#include "cli/exit_code.h"
#include "cli/printable.h"

namespace tilewright {
namespace {

[[noreturn]] void Leave(const CLI::App* verb, const absl::Status& status) {
  std::cout.flush();
  std::cerr << FullName(*verb) << ": " << Printable(Std(status.message())) << "\n";
  throw CLI::RuntimeError(static_cast<int>(ExitCodeOf(status)));
}

// The standard library throws what the world fails at: no memory, no thread, a folder that went.
absl::Status Run(const VerbAction& action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("not enough memory");
  } catch (const std::system_error& error) {
    return absl::UnavailableError(error.what());
  }
}

CLI::App* AddSubcommand(CLI::App& parent, VerbInfo info) {
  TW_CHECK(!info.example.empty()) << "verb " << info.name << " has no worked example";
  CLI::App* verb = parent.add_subcommand(info.name, info.summary);
  verb->footer(absl::StrCat("\nExample:\n", info.example));
  return verb;
}

}  // namespace

std::string FullName(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent ? absl::StrCat(FullName(*parent), " ", app.get_name()) : app.get_name();
}

CLI::App* AddVerb(CLI::App& parent, VerbInfo info, VerbAction action) {
  CLI::App* verb = AddSubcommand(parent, std::move(info));
  verb->callback([verb, action = std::move(action)] {
    const absl::Status status = Run(action);
    if (!status.ok()) Leave(verb, status);
    // A full disk behind a redirection shows only here.
    if (!std::cout.flush()) Leave(verb, absl::InternalError("cannot write to the output"));
  });
  return verb;
}

CLI::App* AddVerbGroup(CLI::App& parent, VerbInfo info) {
  CLI::App* group = AddSubcommand(parent, std::move(info));
  group->require_subcommand(1);
  return group;
}

}  // namespace tilewright
