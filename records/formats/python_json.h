// JSON text as Python's json.dumps writes it ("[1, 2.0, 1e-05]"), so that our log lines are byte
// for byte what AutoTVM's would be.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tilewright {

// Objects are written in key order. REQUIRES: nesting below 100.
std::string PythonJson(const nlohmann::json& value);

std::string PythonString(const std::string& text);

// A float as json.dumps writes it: the shortest text that reads back as the same double; NaN,
// Infinity, -Infinity.
std::string PythonFloat(double value);

}  // namespace tilewright
