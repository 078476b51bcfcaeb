#include "compiler/core/config.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/json_depth.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/plain_config.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxKnobs = 256;
constexpr int kMaxDepth = 8;  // a config nests three lists

const Entity& Find(const Config& config, std::string_view knob) {
  for (const auto& [name, entity] : config.entities) {
    if (name == knob) return entity;
  }
  TW_CHECK(false) << "config has no knob " << knob;
  std::abort();
}

// Names from outside may be no UTF-8.
std::string TextOf(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::string ShownJson(const Json& value) { return Shown(TextOf(value)); }

std::string QuotedText(const std::string& text) {
  return IsPlainText(text) ? absl::StrCat("\"", text, "\"") : TextOf(text);
}

// Behind its knob.
std::string EntityJson(const Entity& entity) {
  const auto numbers = [](absl::string_view kind, const std::vector<int64_t>& list) {
    return absl::StrCat(kind, ",[", absl::StrJoin(list, ","), "]");
  };
  if (const auto* split = std::get_if<SplitEntity>(&entity)) return numbers("\"sp\"", split->sizes);
  if (const auto* order = std::get_if<ReorderEntity>(&entity)) {
    return numbers("\"re\"", order->order);
  }
  if (const auto* ann = std::get_if<AnnotateEntity>(&entity)) {
    const auto append = [](std::string* out, const std::string& one) { *out += QuotedText(one); };
    return absl::StrCat("\"an\",[", absl::StrJoin(ann->annotations, ",", append), "]");
  }
  const auto& other = std::get<OtherEntity>(entity);
  if (const auto* text = std::get_if<std::string>(&other)) {
    return absl::StrCat("\"ot\",", QuotedText(*text));
  }
  const auto* flag = std::get_if<bool>(&other);
  if (flag == nullptr) return absl::StrCat("\"ot\",", std::get<int64_t>(other));
  return absl::StrCat("\"ot\",", *flag ? "true" : "false");
}

// Nothing is rounded or wrapped: 1.5 and 2^64 - 1 are no sizes.
std::optional<int64_t> IntegerOf(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  const bool wraps = value.is_number_unsigned() &&
                     value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  return wraps ? std::nullopt : std::optional(value.get<int64_t>());
}

std::optional<std::vector<int64_t>> IntegersOf(const Json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<int64_t> integers;
  for (const Json& item : list) {
    const std::optional<int64_t> integer = IntegerOf(item);
    if (!integer) return std::nullopt;
    integers.push_back(*integer);
  }
  return integers;
}

absl::StatusOr<Entity> FromJson(const std::string& kind, const Json& value) {
  const std::optional<std::vector<int64_t>> integers = IntegersOf(value);
  if (kind == "sp" && integers) return SplitEntity{*integers};
  if (kind == "re" && integers) return ReorderEntity{*integers};
  if (kind == "an" && value.is_array()) {
    std::vector<std::string> annotations;
    for (const Json& item : value) {
      annotations.push_back(item.is_string() ? item.get<std::string>() : TextOf(item));
    }
    return AnnotateEntity{std::move(annotations)};
  }
  if (kind == "ot" && value.is_boolean()) return OtherEntity{value.get<bool>()};
  if (const auto integer = IntegerOf(value); kind == "ot" && integer) return OtherEntity{*integer};
  if (kind == "ot" && value.is_string()) return OtherEntity{value.get<std::string>()};
  return absl::InvalidArgumentError(
      absl::StrCat("entity of kind \"", Shown(kind), "\" with value ", ShownJson(value)));
}

absl::StatusOr<Config> FromJsonList(const Json& list) {
  if (!list.is_array() || list.size() > kMaxKnobs) {
    return absl::InvalidArgumentError("a config is a list of at most 256 entities");
  }
  Config config;
  for (const Json& item : list) {
    if (!item.is_array() || item.size() != 3 || !item[0].is_string() || !item[1].is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("an entity is [knob, kind, value], found ", ShownJson(item)));
    }
    TW_ASSIGN_OR_RETURN(Entity entity, FromJson(item[1].get<std::string>(), item[2]));
    config.entities.emplace_back(item[0].get<std::string>(), std::move(entity));
  }
  return config;
}

}  // namespace

const std::vector<int64_t>& Config::Split(std::string_view knob) const {
  return std::get<SplitEntity>(Find(*this, knob)).sizes;
}

int64_t Config::Inner(std::string_view knob) const { return Split(knob).back(); }

int64_t Config::Int(std::string_view knob) const {
  return std::get<int64_t>(std::get<OtherEntity>(Find(*this, knob)));
}

bool Config::Bool(std::string_view knob) const {
  return std::get<bool>(std::get<OtherEntity>(Find(*this, knob)));
}

const std::string& Config::Str(std::string_view knob) const {
  return std::get<std::string>(std::get<OtherEntity>(Find(*this, knob)));
}

std::string EntitiesToJson(const Config& config) {
  std::string text = "[";
  for (const auto& [name, entity] : config.entities) {
    absl::StrAppend(&text, text.size() > 1 ? "," : "", "[", QuotedText(name), ",",
                    EntityJson(entity), "]");
  }
  return text + "]";
}

absl::StatusOr<Config> ParseEntitiesJson(std::string_view json) {
  if (std::optional<Config> plain = ReadPlainConfig(json)) return *std::move(plain);
  if (NestsDeeperThan(json, kMaxDepth)) {
    return absl::InvalidArgumentError("a config that nests deeper than 8 lists");
  }
  try {
    return FromJsonList(Json::parse(json));
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("config is not valid JSON: ", Shown(e.what())));
  }
}

}  // namespace tilewright
