// Text from a model, a log or a server on its way to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace tilewright {

// With control characters as "\x1b", so that no name moves the cursor, colours or types; new lines
// and tabs stay, as does all else, valid UTF-8 or not.
std::string Printable(std::string_view text);

}  // namespace tilewright
