// What CLI11 does not see to: that numbers are those that were typed, and which option was meant.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tilewright {

// Of the app's options and its verbs': whole numbers are decimal and of their type's range, others
// finite. CLI11 wraps -1, cuts what is too large, reads 010 as eight, and no range stops its NaN.
void CheckNumbers(CLI::App& app);

// "unknown option --jsn; near: --json", for what the last parse left over; "" without such a word.
std::string UnknownOption(const CLI::App& app);

// For names that other people and machines read: one line of UTF-8, no control characters.
CLI::Validator OneLine();

}  // namespace tilewright
