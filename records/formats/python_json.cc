#include "records/formats/python_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

std::string Shortest(double value, std::chars_format format) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, format);
  return std::string(buffer, end.ptr);
}

// Needs no escape in JSON, in ASCII.
bool IsPlain(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

void Append(const Json& value, std::string* out);

void AppendArray(const Json& array, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < array.size(); ++i) {
    if (i > 0) out->append(", ");
    Append(array[i], out);
  }
  out->push_back(']');
}

void AppendObject(const Json& object, std::string* out) {
  out->push_back('{');
  const char* between = "";
  for (const auto& [key, value] : object.items()) {
    absl::StrAppend(out, between, PythonString(key), ": ");
    Append(value, out);
    between = ", ";
  }
  out->push_back('}');
}

void Append(const Json& value, std::string* out) {
  switch (value.type()) {
    case Json::value_t::array: return AppendArray(value, out);
    case Json::value_t::object: return AppendObject(value, out);
    case Json::value_t::number_float: out->append(PythonFloat(value.get<double>())); return;
    case Json::value_t::string:
      out->append(PythonString(value.get_ref<const std::string&>()));
      return;
    case Json::value_t::number_integer: absl::StrAppend(out, value.get<int64_t>()); return;
    case Json::value_t::number_unsigned: absl::StrAppend(out, value.get<uint64_t>()); return;
    case Json::value_t::boolean: out->append(value.get<bool>() ? "true" : "false"); return;
    default: out->append("null"); return;
  }
}

}  // namespace

std::string PythonFloat(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  const double size = std::fabs(value);
  // Python's rule: an exponent below 1e-4 and from 1e16 on.
  if (size != 0 && (size < 1e-4 || size >= 1e16)) {
    return Shortest(value, std::chars_format::scientific);
  }
  const std::string text = Shortest(value, std::chars_format::fixed);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

std::string PythonString(const std::string& text) {
  if (std::all_of(text.begin(), text.end(), IsPlain)) return absl::StrCat("\"", text, "\"");
  // Invalid UTF-8 (a compiler's output, say) becomes U+FFFD instead of failing the export.
  return Json(text).dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

std::string PythonJson(const nlohmann::json& value) {
  std::string text;
  Append(value, &text);
  return text;
}

}  // namespace tilewright
