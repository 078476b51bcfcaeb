// The frame around the verbs: usage errors, --version, exit codes.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/arguments.h"
#include "cli/exit_code.h"
#include "cli/printable.h"
#include "cli/verb.h"
#include "cli/verbs.h"

namespace tilewright {
namespace {

constexpr char kSummary[] =
    "Finds the fastest schedule for every convolution and dense layer of a model, remembers it, "
    "and compiles the model with it.";

constexpr char kFooter[] =
    "\nExample:\n"
    "  tilewright zoo resnet18 -o resnet18.onnx     write a standard network\n"
    "  tilewright tune resnet18.onnx --time 5m      find fast schedules for it\n"
    "  tilewright compile resnet18.onnx -o r18.tar  compile with the best ones\n"
    "  tilewright run r18.tar --print-time          run it\n\n"
    "Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 bad input, 4 something needed is "
    "unavailable.\n";

std::vector<std::string> VerbNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) names.push_back(verb->get_name());
  return names;
}

// The innermost verb that was recognised: the one a usage error is about.
const CLI::App* Innermost(const CLI::App* app) {
  const std::vector<CLI::App*> parsed = app->get_subcommands();
  return parsed.empty() ? app : Innermost(parsed.front());
}

int UsageExit(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* verb = Innermost(&app);
  const std::vector<std::string> known = VerbNames(*verb);
  const std::string name = FullName(*verb);
  if (const std::string unknown = UnknownOption(app); !unknown.empty()) {
    std::cerr << name << ": " << Printable(unknown) << "\n";
  } else if (known.empty()) {
    std::cerr << name << ": " << Printable(error.what()) << "\n";
  } else {
    std::cerr << name << ": name a verb: " << absl::StrJoin(known, ", ") << "\n";
  }
  std::cerr << "see " << name << " --help\n";
  return static_cast<int>(ExitCode::kUsage);
}

const CLI::App* FindVerb(const CLI::App& app, const std::string& name) {
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    if (verb->get_name() == name) return verb;
  }
  return nullptr;
}

// Whether the words before the first option name verbs; CLI11 would only call an unknown one an
// unexpected argument. Says what is known otherwise.
bool VerbsAreKnown(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* group = &app;
  for (int i = 1; i < argc && argv[i][0] != '-' && !VerbNames(*group).empty(); ++i) {
    const CLI::App* verb = FindVerb(*group, argv[i]);
    if (!verb) {
      std::cerr << FullName(*group) << ": unknown verb \"" << Printable(argv[i])
                << "\"; known: " << absl::StrJoin(VerbNames(*group), ", ") << "\n";
      return false;
    }
    group = verb;
  }
  return true;
}

void Describe(CLI::App& app) {
  app.name("tilewright");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("tilewright " TILEWRIGHT_VERSION));
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  for (void (*verb)(CLI::App&) : Verbs()) verb(app);
  CheckNumbers(app);
}

// --help or --version.
int Answer(const CLI::App& app, const CLI::Success& asked) {
  app.exit(asked);
  if (std::cout.flush()) return static_cast<int>(ExitCode::kDone);
  std::cerr << FullName(*Innermost(&app)) << ": cannot write to the output\n";
  return static_cast<int>(ExitCode::kFailed);
}

}  // namespace

int RunCommand(int argc, const char* const* argv) {
  CLI::App app(kSummary);
  Describe(app);
  if (!VerbsAreKnown(app, argc, argv)) return static_cast<int>(ExitCode::kUsage);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return Answer(app, asked);
  } catch (const CLI::RuntimeError& failed) {  // a verb that said why
    return failed.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return UsageExit(app, error);
  }
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace tilewright
