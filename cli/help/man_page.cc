#include "cli/help/man_page.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace tilewright {
namespace {

// A line of text: no character is a request or an escape, hyphens can be copied.
std::string Escaped(const std::string& line) {
  std::string text = absl::StrReplaceAll(line, {{"\\", "\\e"}, {"-", "\\-"}});
  if (text.starts_with('.') || text.starts_with('\'')) text.insert(0, "\\&");
  return text;
}

// Lines as they are.
std::string Verbatim(const std::string& text) {
  std::string lines = ".nf\n";
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&lines, Escaped(std::string(line)), "\n");
  }
  return lines + ".fi\n";
}

std::string ValueText(const CommandOption& option) {
  if (option.choices.empty()) return option.value;
  return absl::StrJoin(option.choices, "|");
}

std::string OptionText(const CommandOption& option) {
  std::string title;
  for (const std::string& name : option.names) {
    absl::StrAppend(&title, title.empty() ? "" : ", ", "\\fB", Escaped(name), "\\fR");
  }
  if (!option.value.empty()) absl::StrAppend(&title, " \\fI", Escaped(ValueText(option)), "\\fR");
  const std::string summary = absl::StrCat(option.summary, option.required ? " (required)" : "");
  return absl::StrCat(".TP\n", title, "\n", Escaped(summary), "\n");
}

std::string OptionsText(const Command& command) {
  std::string text;
  for (const CommandOption& option : command.options) absl::StrAppend(&text, OptionText(option));
  return text;
}

std::string VerbText(const Command& verb) {
  std::string footer = verb.footer;
  absl::StripAsciiWhitespace(&footer);
  return absl::StrCat(".SS ", Escaped(verb.name), "\n", Escaped(verb.summary), "\n",
                      OptionsText(verb), ".PP\n", Verbatim(footer));
}

}  // namespace

std::string ManPage(const Command& root, const std::string& version) {
  std::string footer = root.footer;
  absl::StripAsciiWhitespace(&footer);
  std::string page = absl::StrCat(
      ".TH ", absl::AsciiStrToUpper(root.name), " 1 \"\" \"", root.name, " ", version, "\"\n",
      ".SH NAME\n", root.name, " \\- compiles neural networks with the fastest schedules found\n",
      ".SH SYNOPSIS\n\\fB", root.name, "\\fR \\fIVERB\\fR [\\fIOPTION\\fR ...]\n",
      ".SH DESCRIPTION\n", Escaped(root.summary), "\n", OptionsText(root), ".PP\n",
      Verbatim(footer), ".SH VERBS\n");
  ForEachCommand(root, [&](const Command& command) {
    if (command.name != root.name) absl::StrAppend(&page, VerbText(command));
  });
  return page;
}

}  // namespace tilewright
