#include "compiler/core/plain_config.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace tilewright {
namespace {

constexpr size_t kMostKnobs = 256;

bool IsPlainChar(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

// What it has read is gone from the front; after a false nothing more is of use.
class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  bool Take(std::string_view expected) {
    if (rest_.substr(0, expected.size()) != expected) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  bool Read(std::string* text) {
    if (!Take("\"")) return false;
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), IsPlainChar);
    text->assign(rest_.begin(), end);
    rest_.remove_prefix(text->size());
    return Take("\"");
  }

  bool Read(int64_t* number) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), *number);
    const std::string_view digits(rest_.data(), static_cast<size_t>(end - rest_.data()));
    rest_.remove_prefix(digits.size());
    return error == std::errc() && std::to_string(*number) == digits;  // no 007
  }

  template <typename T>
  bool Read(std::vector<T>* list) {
    if (!Take("[")) return false;
    if (Take("]")) return true;
    do {
      if (!Read(&list->emplace_back())) return false;
    } while (Take(","));
    return Take("]");
  }

  bool Read(OtherEntity* other) {
    if (rest_.starts_with('"')) return Read(&other->emplace<std::string>());
    if (Take("true")) return other->emplace<bool>(true);
    if (Take("false")) return other->emplace<bool>(false), true;
    return Read(&other->emplace<int64_t>());
  }

  bool Read(Entity* entity) {
    if (Take("\"sp\",")) return Read(&entity->emplace<SplitEntity>().sizes);
    if (Take("\"re\",")) return Read(&entity->emplace<ReorderEntity>().order);
    if (Take("\"an\",")) return Read(&entity->emplace<AnnotateEntity>().annotations);
    return Take("\"ot\",") && Read(&entity->emplace<OtherEntity>());
  }

  bool Read(std::pair<std::string, Entity>* knob) {
    return Take("[") && Read(&knob->first) && Take(",") && Read(&knob->second) && Take("]");
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::optional<Config> ReadPlainConfig(std::string_view text) {
  PlainReader reader(text);
  Config config;
  const bool read = reader.Read(&config.entities) && reader.at_end();
  if (!read || config.entities.size() > kMostKnobs) return std::nullopt;
  return config;
}

bool IsPlainText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), IsPlainChar);
}

}  // namespace tilewright
