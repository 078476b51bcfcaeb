// What tells imported measurements apart.
#pragma once

#include <string>
#include <string_view>

namespace tilewright {

// 32 digits that stand for a text of any length.
std::string HashOfText(std::string_view text);

// The run_id (records/record.h) of a measurement that came as a text: equal for equal texts.
std::string RunIdOfText(std::string_view text);

}  // namespace tilewright
