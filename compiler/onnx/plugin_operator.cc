#include "compiler/onnx/plugin_operator.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {
namespace {

constexpr size_t kMaxFile = 1 << 20, kMaxOperators = 1000, kMaxMacros = 200;

bool IsWordChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Reads one line from the left, without its comment.
class PluginLine {
 public:
  PluginLine(absl::string_view text, const std::string& place) : rest_(text), place_(place) {}

  absl::Status Error(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(place_, ": ", what));
  }
  bool AtEnd() {
    SkipSpace();
    return rest_.empty();
  }
  bool TakeIf(absl::string_view symbol) {
    SkipSpace();
    if (rest_.substr(0, symbol.size()) != symbol) return false;
    rest_.remove_prefix(symbol.size());
    return true;
  }
  absl::Status Expect(absl::string_view symbol) {
    if (TakeIf(symbol)) return absl::OkStatus();
    return Error(absl::StrCat("expected \"", symbol, "\" before \"", rest_, "\""));
  }
  absl::StatusOr<std::string> Word(bool dots = false) {
    SkipSpace();
    size_t n = 0;
    while (n < rest_.size() && (IsWordChar(rest_[n]) || (dots && n > 0 && rest_[n] == '.'))) ++n;
    if (n == 0 || std::isdigit(static_cast<unsigned char>(rest_[0])) != 0) {
      return Error(absl::StrCat("expected a name before \"", rest_, "\""));
    }
    std::string word(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return word;
  }
  absl::StatusOr<std::string> Quoted() {
    TW_RETURN_IF_ERROR(Expect("\""));
    const size_t end = rest_.find('"');
    if (end == absl::string_view::npos) return Error("a string does not end");
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  // Up to a character of `stops` that is in no bracket.
  std::string Until(absl::string_view stops) {
    SkipSpace();
    int depth = 0;
    size_t n = 0;
    for (; n < rest_.size(); ++n) {
      const char c = rest_[n];
      if (depth == 0 && stops.find(c) != absl::string_view::npos) break;
      if (c == '(' || c == '[') ++depth;
      if (c == ')' || c == ']') --depth;
    }
    absl::string_view found = rest_.substr(0, n);
    rest_.remove_prefix(n);
    while (!found.empty() && found.back() == ' ') found.remove_suffix(1);
    return std::string(found);
  }
  absl::Status End() {
    if (AtEnd()) return absl::OkStatus();
    return Error(absl::StrCat("unexpected \"", rest_, "\""));
  }

 private:
  void SkipSpace() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
      rest_.remove_prefix(1);
    }
  }

  absl::string_view rest_;
  std::string place_;
};

absl::string_view WithoutComment(absl::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] == '#' && !quoted) return line.substr(0, i);
  }
  return line;
}

size_t IndentOf(absl::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

bool IsBlank(absl::string_view line) {
  return line.find_first_not_of(" \t\r") == absl::string_view::npos;
}

// A value of an attribute's kind as PluginAttribute has it.
absl::StatusOr<std::string> ReadValue(PluginLine& line, PluginAttribute::Kind kind) {
  using Kind = PluginAttribute::Kind;
  if (kind == Kind::kString) return line.Quoted();
  const std::string text = line.Until(" ,");
  int64_t integer;
  double number;
  if (kind == Kind::kInt && absl::SimpleAtoi(text, &integer)) return absl::StrCat(integer);
  if (kind == Kind::kBool && (text == "true" || text == "false")) return text;
  if (kind == Kind::kFloat && absl::SimpleAtod(text, &number)) return text;
  return line.Error(absl::StrCat("\"", text, "\" is no value of the attribute's kind"));
}

// NAME: KIND [= VALUE] [in VALUE, VALUE]
absl::StatusOr<PluginAttribute> ReadAttribute(PluginLine& line) {
  using Kind = PluginAttribute::Kind;
  static const std::map<std::string, Kind> kKinds = {{"int", Kind::kInt},
                                                     {"float", Kind::kFloat},
                                                     {"bool", Kind::kBool},
                                                     {"string", Kind::kString}};
  PluginAttribute attribute;
  TW_ASSIGN_OR_RETURN(attribute.name, line.Word());
  TW_RETURN_IF_ERROR(line.Expect(":"));
  TW_ASSIGN_OR_RETURN(const std::string kind, line.Word());
  const auto found = kKinds.find(kind);
  if (found == kKinds.end()) {
    return line.Error(
        absl::StrCat("unknown kind of attribute ", kind, " (int, float, bool or string)"));
  }
  attribute.kind = found->second;
  if (line.TakeIf("=")) {
    TW_ASSIGN_OR_RETURN(attribute.otherwise, ReadValue(line, attribute.kind));
  }
  if (!line.TakeIf("in ")) return attribute;
  do {
    TW_ASSIGN_OR_RETURN(attribute.allowed.emplace_back(), ReadValue(line, attribute.kind));
  } while (line.TakeIf(","));
  const auto& allowed = attribute.allowed;
  if (attribute.otherwise &&
      std::find(allowed.begin(), allowed.end(), *attribute.otherwise) == allowed.end()) {
    return line.Error(absl::StrCat("the default of ", attribute.name, " is not among its values"));
  }
  return attribute;
}

// NAME: TYPE, TYPE
absl::Status ReadTypes(PluginLine& line, PluginOperator& op) {
  TW_ASSIGN_OR_RETURN(const std::string name, line.Word());
  TW_RETURN_IF_ERROR(line.Expect(":"));
  std::vector<DType>& types = op.types[name];
  do {
    TW_ASSIGN_OR_RETURN(const std::string word, line.Word());
    const std::optional<DType> dtype = ParseDType(word);
    if (!dtype) {
      return line.Error(absl::StrCat("unknown type ", word, "; known: ",
                                     absl::StrJoin(kDTypeNames, ", ", [](std::string* out, auto n) {
                                       absl::StrAppend(out, Sv(n));
                                     })));
    }
    types.push_back(*dtype);
  } while (line.TakeIf(","));
  return absl::OkStatus();
}

// NAME: TYPE[DIM, DIM]
absl::StatusOr<PluginTensor> ReadTensorLine(PluginLine& line, const PluginOperator& op) {
  PluginTensor tensor;
  TW_ASSIGN_OR_RETURN(tensor.name, line.Word());
  TW_RETURN_IF_ERROR(line.Expect(":"));
  TW_ASSIGN_OR_RETURN(tensor.type, line.Word());
  if (!op.types.contains(tensor.type) && !ParseDType(tensor.type)) {
    return line.Error(absl::StrCat("unknown type ", tensor.type,
                                   ": write one like float32, or declare it by `type ", tensor.type,
                                   ": float32, float64`"));
  }
  TW_RETURN_IF_ERROR(line.Expect("["));
  if (line.TakeIf("]")) return tensor;
  do {
    tensor.dims.push_back(line.Until(",]"));
    if (tensor.dims.back().empty()) return line.Error("a dimension is missing");
  } while (line.TakeIf(","));
  TW_RETURN_IF_ERROR(line.Expect("]"));
  return tensor;
}

// NAME(PARAMETER, PARAMETER) = TEXT
absl::StatusOr<PluginMacro> ReadMacro(PluginLine& line) {
  PluginMacro macro;
  TW_ASSIGN_OR_RETURN(macro.name, line.Word());
  if (line.TakeIf("(")) {
    do {
      TW_ASSIGN_OR_RETURN(macro.parameters.emplace_back(), line.Word());
    } while (line.TakeIf(","));
    TW_RETURN_IF_ERROR(line.Expect(")"));
  }
  TW_RETURN_IF_ERROR(line.Expect("="));
  macro.body = line.Until("");
  if (macro.body.empty()) return line.Error("a let needs a text behind =");
  return macro;
}

class PluginParser {
 public:
  PluginParser(absl::string_view text, const std::string& file)
      : lines_(absl::StrSplit(text, '\n')), file_(file) {
    for (std::string& line : lines_) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
    }
  }

  absl::StatusOr<std::vector<PluginOperator>> Run() {
    for (next_ = 0; next_ < lines_.size();) {
      const absl::string_view text = WithoutComment(lines_[next_]);
      PluginLine line(text, absl::StrCat(file_, ":", next_ + 1));
      ++next_;
      if (IsBlank(text)) continue;
      TW_RETURN_IF_ERROR(Read(line, IndentOf(text)));
    }
    if (operators_.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(file_, ": defines no operator"));
    }
    TW_RETURN_IF_ERROR(Finished());
    return std::move(operators_);
  }

 private:
  absl::Status Read(PluginLine& line, size_t indent) {
    TW_ASSIGN_OR_RETURN(const std::string word, line.Word());
    if (word == "operator") return ReadHeader(line);
    if (operators_.empty()) return line.Error("expected `operator DOMAIN.NAME:`");
    PluginOperator& op = operators_.back();
    if (word == "define") return ReadDefinition(line, indent);
    if (word == "type") {
      TW_RETURN_IF_ERROR(ReadTypes(line, op));
    } else if (word == "attribute") {
      TW_ASSIGN_OR_RETURN(op.attributes.emplace_back(), ReadAttribute(line));
      TW_RETURN_IF_ERROR(Declare(line, op.attributes.back().name));
    } else if (word == "input") {
      TW_ASSIGN_OR_RETURN(op.inputs.emplace_back(), ReadTensorLine(line, op));
      TW_RETURN_IF_ERROR(Declare(line, op.inputs.back().name));
    } else if (word == "output") {
      if (!op.output.name.empty()) return line.Error("an operator has one output");
      TW_ASSIGN_OR_RETURN(op.output, ReadTensorLine(line, op));
      TW_RETURN_IF_ERROR(Declare(line, op.output.name));
    } else if (word == "let") {
      if (op.macros.size() >= kMaxMacros) return line.Error("more than 200 lets");
      TW_ASSIGN_OR_RETURN(op.macros.emplace_back(), ReadMacro(line));
      TW_RETURN_IF_ERROR(Declare(line, op.macros.back().name));
    } else if (word == "template") {
      TW_RETURN_IF_ERROR(ReadTemplate(line, op));
    } else {
      return line.Error(absl::StrCat("unknown word ", word,
                                     " (operator, attribute, type, input, output, let, template "
                                     "or define)"));
    }
    return line.End();
  }

  absl::Status Declare(const PluginLine& line, const std::string& name) {
    if (names_.insert(name).second) return absl::OkStatus();
    return line.Error(absl::StrCat("two things are named ", name));
  }

  static absl::Status ReadTemplate(PluginLine& line, PluginOperator& op) {
    TW_ASSIGN_OR_RETURN(const std::string name, line.Word());
    if (name != "nest") return line.Error(absl::StrCat("unknown template ", name, " (nest)"));
    if (op.tuned) return line.Error("an operator has one template");
    op.tuned = true;
    return absl::OkStatus();
  }

  absl::Status ReadHeader(PluginLine& line) {
    if (!operators_.empty()) TW_RETURN_IF_ERROR(Finished());
    if (operators_.size() >= kMaxOperators) return line.Error("more than 1000 operators");
    names_.clear();
    TW_ASSIGN_OR_RETURN(const std::string full, line.Word(true));
    TW_RETURN_IF_ERROR(line.Expect(":"));
    TW_RETURN_IF_ERROR(line.End());
    const size_t dot = full.rfind('.');
    const std::string domain = dot == std::string::npos ? "" : full.substr(0, dot);
    if (domain.empty() || domain == "ai.onnx" || dot + 1 == full.size()) {
      return line.Error(absl::StrCat("an operator needs a domain of its own: com.example.", full));
    }
    for (const PluginOperator& other : operators_) {
      if (other.domain == domain && other.name == full.substr(dot + 1)) {
        return line.Error(absl::StrCat(full, " is defined twice"));
      }
    }
    operators_.push_back({.file = file_, .domain = domain, .name = full.substr(dot + 1)});
    return absl::OkStatus();
  }

  // The lines below that are indented further.
  absl::Status ReadDefinition(PluginLine& line, size_t indent) {
    PluginOperator& op = operators_.back();
    TW_RETURN_IF_ERROR(line.Expect(":"));
    TW_RETURN_IF_ERROR(line.End());
    if (!op.definition.empty()) return line.Error("an operator has one definition");
    op.definition = std::string(next_ - 1, '\n');
    bool any = false;
    for (; next_ < lines_.size(); ++next_) {
      const absl::string_view text = WithoutComment(lines_[next_]);
      if (!IsBlank(text) && IndentOf(text) <= indent) break;
      any = any || !IsBlank(text);
      absl::StrAppend(&op.definition, "\n", text);
    }
    return any ? absl::OkStatus() : line.Error("the definition has no lines");
  }

  absl::Status Finished() const {
    const PluginOperator& op = operators_.back();
    const char* missing = op.inputs.empty()        ? "inputs"
                          : op.output.name.empty() ? "an output"
                          : op.definition.empty()  ? "a definition"
                                                   : nullptr;
    if (missing == nullptr) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ": operator ", op.domain, ".", op.name, " lacks ", missing));
  }

  std::vector<std::string> lines_;
  const std::string file_;
  size_t next_ = 0;
  std::vector<PluginOperator> operators_;
  std::set<std::string> names_;  // of the operator that is read
};

}  // namespace

absl::StatusOr<std::vector<PluginOperator>> ParsePluginOperators(std::string_view text,
                                                                 const std::string& file) {
  if (text.size() > kMaxFile) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": is larger than 1 MiB"));
  }
  return PluginParser(Sv(text), file).Run();
}

}  // namespace tilewright
