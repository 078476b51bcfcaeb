#include "compiler/onnx/plugin_expand.h"

#include <cctype>
#include <span>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr size_t kMaxExpanded = 1 << 20;

bool StartsWord(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool ContinuesWord(char c) { return StartsWord(c) || std::isdigit(static_cast<unsigned char>(c)); }

// Expands one text, in which these macros are known.
class Expander {
 public:
  Expander(std::span<const PluginMacro> macros, const PluginValues& values, const std::string& text,
           size_t& produced)
      : macros_(macros), values_(values), text_(text), produced_(produced) {}

  absl::StatusOr<std::string> Run() {
    while (at_ < text_.size()) {
      if (StartsWord(text_[at_])) {
        TW_RETURN_IF_ERROR(Word());
      } else if (text_[at_] == '"') {
        return absl::InvalidArgumentError("a string may only be compared with a string attribute");
      } else {
        out_ += text_[at_++];
        // The rest of a number is no word: 1e5.
        while (std::isdigit(static_cast<unsigned char>(text_[at_ - 1])) && at_ < text_.size() &&
               ContinuesWord(text_[at_])) {
          out_ += text_[at_++];
        }
      }
      if (produced_ + out_.size() > kMaxExpanded) {
        return absl::InvalidArgumentError("the definition expands to more than 1 MiB");
      }
    }
    produced_ += out_.size();
    return std::move(out_);
  }

 private:
  absl::Status Word() {
    const size_t begin = at_;
    while (at_ < text_.size() && ContinuesWord(text_[at_])) ++at_;
    const std::string word = text_.substr(begin, at_ - begin);
    if (const auto value = values_.texts.find(word); value != values_.texts.end()) {
      out_ += value->second;
      return absl::OkStatus();
    }
    if (const auto value = values_.strings.find(word); value != values_.strings.end()) {
      return Comparison(word, value->second);
    }
    for (size_t i = 0; i < macros_.size(); ++i) {
      if (macros_[i].name == word) return Macro(i);
    }
    out_ += word;
    return absl::OkStatus();
  }

  void SkipSpace() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  // == or != and a string behind a string attribute.
  absl::Status Comparison(const std::string& name, const std::string& value) {
    SkipSpace();
    const std::string op = text_.substr(at_, 2);
    const size_t open = text_.find_first_not_of(' ', std::min(at_ + 2, text_.size()));
    const size_t close = open == std::string::npos ? open : text_.find('"', open + 1);
    if ((op != "==" && op != "!=") || close == std::string::npos || text_[open] != '"') {
      return absl::InvalidArgumentError(absl::StrCat(
          "the string attribute ", name, " may only be compared: ", name, " == \"text\""));
    }
    const bool equal = text_.substr(open + 1, close - open - 1) == value;
    out_ += equal == (op == "==") ? "true" : "false";
    at_ = close + 1;
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> Arguments(const PluginMacro& macro) {
    std::vector<std::string> arguments;
    if (macro.parameters.empty()) return arguments;
    SkipSpace();
    int depth = 0;
    size_t begin = at_ + 1;
    for (size_t i = at_; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '(' || c == '[') ++depth;
      if (c == ')' || c == ']') --depth;
      if (i == at_ && depth != 1) break;
      if ((depth == 1 && c == ',') || depth == 0) {
        arguments.push_back(text_.substr(begin, i - begin));
        begin = i + 1;
      }
      if (depth != 0) continue;
      at_ = i + 1;
      break;
    }
    if (arguments.size() == macro.parameters.size()) return arguments;
    return absl::InvalidArgumentError(absl::StrCat(macro.name, " takes ", macro.parameters.size(),
                                                   " arguments, found ", arguments.size()));
  }

  absl::Status Macro(size_t index) {
    const PluginMacro& macro = macros_[index];
    TW_ASSIGN_OR_RETURN(const std::vector<std::string> arguments, Arguments(macro));
    PluginValues values = values_;
    for (size_t i = 0; i < arguments.size(); ++i) {
      TW_ASSIGN_OR_RETURN(const std::string argument,
                          Expander(macros_, values_, arguments[i], produced_).Run());
      values.texts[macro.parameters[i]] = absl::StrCat("(", argument, ")");
    }
    TW_ASSIGN_OR_RETURN(const std::string body,
                        Expander(macros_.first(index), values, macro.body, produced_).Run());
    absl::StrAppend(&out_, "(", body, ")");
    return absl::OkStatus();
  }

  const std::span<const PluginMacro> macros_;  // before a macro: those that it may use
  const PluginValues& values_;
  const std::string& text_;
  size_t& produced_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

absl::StatusOr<std::string> ExpandPlugin(const PluginOperator& op, const PluginValues& values,
                                         const std::string& text) {
  size_t produced = 0;
  return Expander(op.macros, values, text, produced).Run();
}

}  // namespace tilewright
