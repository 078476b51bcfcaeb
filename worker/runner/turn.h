// A prepared runner's wait for its turn on the cores where it will be timed.
#pragma once

#include <optional>

namespace tilewright {

// Blocks until a GoLine (worker/run_spec.h) has come by standard input, whose reads do not block;
// its seconds. nullopt: the input has ended, with whoever would have said it, or says another
// thing.
std::optional<double> AwaitTurn();

}  // namespace tilewright
