#include "records/python_json.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

std::string Shortest(double value, std::chars_format format) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, format);
  return std::string(buffer, end.ptr);
}

std::string ArrayText(const Json& array) {
  return absl::StrCat(
      "[",
      absl::StrJoin(array, ", ",
                    [](std::string* out, const Json& item) { out->append(PythonJson(item)); }),
      "]");
}

std::string ObjectText(const Json& object) {
  std::vector<std::string> members;
  for (const auto& [key, value] : object.items()) {
    members.push_back(absl::StrCat(PythonJson(Json(key)), ": ", PythonJson(value)));
  }
  return absl::StrCat("{", absl::StrJoin(members, ", "), "}");
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

std::string PythonJson(const nlohmann::json& value) {
  if (value.is_array()) return ArrayText(value);
  if (value.is_object()) return ObjectText(value);
  if (value.is_number_float()) return PythonFloat(value.get<double>());
  // Invalid UTF-8 (a compiler's output, say) becomes U+FFFD instead of failing the export.
  return value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

}  // namespace tilewright
