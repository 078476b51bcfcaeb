// The catalogue of verbs.
#pragma once

#include <vector>

namespace CLI {
class App;
}

namespace tilewright {

// Each adds one subcommand; in alphabetical order.
const std::vector<void (*)(CLI::App&)>& Verbs();

}  // namespace tilewright
