// The text of a config as EntitiesToJson writes it, read and written by hand: of a million records
// that are read, or of a thousand leases a second, most would be a JSON parser's work.
#pragma once

#include <optional>
#include <string_view>

#include "compiler/core/config.h"

namespace tilewright {

// At most 256 knobs, names and values of printable ASCII without '"' and '\', no space between
// anything; nullopt for every other text, which may be a config still.
std::optional<Config> ReadPlainConfig(std::string_view text);

// Needs no escape in JSON.
bool IsPlainText(std::string_view text);

}  // namespace tilewright
