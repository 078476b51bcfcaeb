// JSON text as Python's json.dumps writes it ("[1, 2.0, 1e-05]"), so that our log lines are byte
// for byte what AutoTVM's would be.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tilewright {

// Objects are written in key order. REQUIRES: numbers are finite, nesting below 100.
std::string PythonJson(const nlohmann::json& value);

// Python's repr of a float: the shortest text that reads back as the same double.
std::string PythonFloat(double value);

}  // namespace tilewright
