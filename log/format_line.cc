#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/strings.h"
#include "log/log.h"

namespace tilewright {
namespace {

// Bytes of one value, and of a line that takes no more fields: with six bytes an escape, 16 KiB.
constexpr size_t kMostValue = 1 << 10, kFullLine = 1 << 10;

const char* NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "info";
}

// RFC 3339 with milliseconds, UTC.
std::string TimeText(double unix_time) {
  const double whole = std::floor(unix_time);
  const auto seconds = static_cast<std::time_t>(whole);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  return absl::StrFormat("%s.%03dZ", text, static_cast<int>((unix_time - whole) * 1e3));
}

nlohmann::ordered_json JsonOf(const LogField& field) {
  if (const auto* text = std::get_if<std::string>(&field.value)) {
    return std::string(Utf8Prefix(*text, kMostValue));
  }
  if (const auto* number = std::get_if<uint64_t>(&field.value)) return *number;
  return std::get<double>(field.value);
}

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true,
                   nlohmann::ordered_json::error_handler_t::replace);
}

// Bare where that cannot be misread, else as JSON writes a text.
std::string TextOf(const LogField& field) {
  const auto* text = std::get_if<std::string>(&field.value);
  const std::string json = Dump(JsonOf(field));
  if (!text) return json;
  const bool bare = !text->empty() && json.size() == text->size() + 2 &&
                    text->find_first_of(" =\"") == text->npos;
  return bare ? *text : json;
}

}  // namespace

std::string FormatLine(LogFormat format, const LogEvent& event) {
  if (format == LogFormat::kJson) {
    nlohmann::ordered_json line = {{"time", TimeText(event.unix_time)},
                                   {"level", NameOf(event.level)},
                                   {"message", std::string(event.message)}};
    size_t bytes = event.message.size();
    for (const LogField& field : event.fields) {
      if (bytes > kFullLine) break;
      line[field.name] = JsonOf(field);
      if (const auto* text = std::get_if<std::string>(&field.value)) {
        bytes += std::min(text->size(), kMostValue);
      }
    }
    return Dump(line);
  }
  std::string line =
      absl::StrCat(TimeText(event.unix_time), " ", NameOf(event.level), " ", Sv(event.message));
  for (const LogField& field : event.fields) {
    if (line.size() > kFullLine) break;
    absl::StrAppend(&line, " ", field.name, "=", TextOf(field));
  }
  return line;
}

}  // namespace tilewright
