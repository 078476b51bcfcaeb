#include "cli/help/completion_scripts.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace tilewright {
namespace {

// In single quotes; '\'' ends, escapes and begins them again in bash and zsh.
std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string FishQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::vector<std::string> VerbsOf(const Command& command) {
  std::vector<std::string> names;
  for (const Command& verb : command.verbs) names.push_back(LastWord(verb));
  return names;
}

// The patterns of a case in which `verb` goes down: "tilewright best" | "tilewright records
// import".
std::string Descents(const Command& root, const std::string& separator) {
  std::vector<std::string> names;
  ForEachCommand(root, [&](const Command& command) {
    if (command.name != root.name) names.push_back(absl::StrCat("\"", command.name, "\""));
  });
  return absl::StrJoin(names, separator);
}

std::string OptionNames(const Command& command) {
  std::vector<std::string> names;
  for (const CommandOption& option : command.options) {
    if (!option.positional) names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return absl::StrJoin(names, " ");
}

// The words that an argument may be: verbs, or the values of the positional option.
std::vector<std::string> Words(const Command& command) {
  std::vector<std::string> words = VerbsOf(command);
  for (const CommandOption& option : command.options) {
    if (option.positional) words.insert(words.end(), option.choices.begin(), option.choices.end());
  }
  return words;
}

// `make` for every option that takes a value: its case pattern and itself.
std::string ValueCases(
    const Command& root,
    const std::function<std::string(const std::string& pattern, const CommandOption&)>& make) {
  std::string cases;
  ForEachCommand(root, [&](const Command& command) {
    for (const CommandOption& option : command.options) {
      if (option.positional || option.value.empty()) continue;
      const auto quoted = [&](std::string* out, const std::string& name) {
        absl::StrAppend(out, "\"", command.name, " ", name, "\"");
      };
      absl::StrAppend(&cases, make(absl::StrJoin(option.names, " | ", quoted), option));
    }
  });
  return cases;
}

// What says which verb the words before the cursor name.
std::string FindVerb(const Command& root, const std::string& words) {
  return absl::StrCat("  local verb=", root.name, " word\n  for word in ", words,
                      "; do\n    case \"$verb $word\" in\n      ", Descents(root, " | "),
                      ") verb=\"$verb $word\" ;;\n    esac\n  done\n");
}

std::string BashVerbCases(const Command& root) {
  std::string cases;
  ForEachCommand(root, [&](const Command& command) {
    absl::StrAppend(&cases, "    \"", command.name,
                    "\")\n      options=", Quoted(OptionNames(command)),
                    "\n      words=", Quoted(absl::StrJoin(Words(command), " ")), " ;;\n");
  });
  return cases;
}

std::string Described(const std::string& name, const std::string& summary) {
  return Quoted(absl::StrCat(absl::StrReplaceAll(name, {{":", "\\:"}}), ":", summary));
}

std::string ZshVerbCases(const Command& root) {
  std::string cases;
  ForEachCommand(root, [&](const Command& command) {
    std::vector<std::string> verbs, options;
    for (const Command& verb : command.verbs) {
      verbs.push_back(Described(LastWord(verb), verb.summary));
    }
    for (const CommandOption& option : command.options) {
      for (const std::string& name : option.names) {
        if (!option.positional) options.push_back(Described(name, option.summary));
      }
      if (!option.positional) continue;
      for (const std::string& choice : option.choices) verbs.push_back(Described(choice, ""));
    }
    absl::StrAppend(&cases, "    (\"", command.name, "\")\n      verbs=(",
                    absl::StrJoin(verbs, "\n        "), ")\n      options=(",
                    absl::StrJoin(options, "\n        "), ") ;;\n");
  });
  return cases;
}

std::string FishOption(const CommandOption& option, const std::string& start) {
  if (option.positional) {
    if (option.choices.empty()) return "";
    return absl::StrCat(start, " -f -a ", FishQuoted(absl::StrJoin(option.choices, " ")), "\n");
  }
  std::string line = start;
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    absl::StrAppend(&line, is_long ? " -l " : " -s ", name.substr(is_long ? 2 : 1));
  }
  if (!option.value.empty()) absl::StrAppend(&line, " -r");
  if (!option.choices.empty()) {
    absl::StrAppend(&line, " -f -a ", FishQuoted(absl::StrJoin(option.choices, " ")));
  }
  return absl::StrCat(line, " -d ", FishQuoted(option.summary), "\n");
}

}  // namespace

std::string BashCompletion(const Command& root) {
  const auto value = [](const std::string& pattern, const CommandOption& option) {
    const std::string words =
        option.choices.empty() ? "-f" : "-W " + Quoted(absl::StrJoin(option.choices, " "));
    return absl::StrCat("    ", pattern, ")\n      mapfile -t COMPREPLY < <(compgen ", words,
                        " -- \"$cur\")\n      return ;;\n");
  };
  return absl::StrCat("_", root.name, "() {\n  local cur=${COMP_WORDS[COMP_CWORD]}\n",
                      "  local options= words=\n",
                      FindVerb(root, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\""),
                      "  case \"$verb ${COMP_WORDS[COMP_CWORD-1]}\" in\n", ValueCases(root, value),
                      "  esac\n", "  case \"$verb\" in\n", BashVerbCases(root), "  esac\n",
                      "  if [[ $cur == -* ]]; then words=$options; fi\n",
                      "  if [[ -n $words ]]; then\n    mapfile -t COMPREPLY < <(compgen -W "
                      "\"$words\" -- \"$cur\")\n",
                      "  else\n    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n  fi\n}\n",
                      "complete -o filenames -F _", root.name, " ", root.name, "\n");
}

std::string ZshCompletion(const Command& root) {
  const auto value = [](const std::string& pattern, const CommandOption& option) {
    const std::string add =
        option.choices.empty() ? "_files" : "compadd -- " + absl::StrJoin(option.choices, " ");
    return absl::StrCat("    (", pattern, ") ", add, "; return ;;\n");
  };
  return absl::StrCat(
      "#compdef ", root.name, "\n_", root.name, "() {\n", "  local -a verbs options\n",
      FindVerb(root, "\"${(@)words[2,CURRENT-1]}\""), "  case \"$verb ${words[CURRENT-1]}\" in\n",
      ValueCases(root, value), "  esac\n", "  case \"$verb\" in\n", ZshVerbCases(root), "  esac\n",
      "  if [[ ${words[CURRENT]} == -* ]]; then\n    _describe -o option options\n",
      "  elif (( $#verbs )); then\n    _describe verb verbs\n  else\n    _files\n  fi\n}\n",
      "if [[ $funcstack[1] == _", root.name, " ]]; then\n  _", root.name,
      " \"$@\"\nelse\n  compdef _", root.name, " ", root.name, "\nfi\n");
}

std::string FishCompletion(const Command& root) {
  std::string script = absl::StrCat(
      "function __", root.name, "_verb\n  set -l verb ", root.name,
      "\n  for word in (commandline -opc)[2..-1]\n    switch \"$verb $word\"\n      case ",
      Descents(root, " "),
      "\n        set verb \"$verb $word\"\n    end\n  end\n  echo $verb\nend\n");
  ForEachCommand(root, [&](const Command& command) {
    const std::string start = absl::StrCat("complete -c ", root.name, " -n 'test (__", root.name,
                                           "_verb) = \"", command.name, "\"'");
    for (const Command& verb : command.verbs) {
      absl::StrAppend(&script, start, " -f -a ", LastWord(verb), " -d ", FishQuoted(verb.summary),
                      "\n");
    }
    for (const CommandOption& option : command.options) {
      absl::StrAppend(&script, FishOption(option, start));
    }
  });
  return script;
}

}  // namespace tilewright
