// Carries calls to the server and answers back, as a bad network does: late, in another order,
// twice, or not at all. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "tests/simulation/server.h"
#include "tests/simulation/world.h"

namespace tilewright {

struct NetworkWeather {
  double lost = 0, twice = 0;  // probabilities of a message
  double slow = 0;             // of one that takes seconds
};

// The way of one peer.
struct Link {
  double cut_until = 0;  // nothing passes
};

class Network {
 public:
  Network(World& world, SimulatedServer& server) : world_(world), server_(server) {}

  NetworkWeather weather;

  // `serve` is given the farm and what takes its answer; `answered` gets that, once, or nullopt
  // when none came in `patience` seconds.
  template <typename Reply>
  void Call(const Link& link, double patience,
            std::function<void(Farm&, std::function<void(Reply)>)> serve,
            std::function<void(std::optional<Reply>)> answered) {
    const auto once = std::make_shared<std::function<void(std::optional<Reply>)>>(answered);
    const std::function<void(std::optional<Reply>)> end = [once](std::optional<Reply> reply) {
      if (*once) std::exchange(*once, nullptr)(std::move(reply));
    };
    world_.After(patience, [end] { end(std::nullopt); });
    Carry(link, [this, &link, serve = std::move(serve), end] {
      if (!server_.is_up()) return end(std::nullopt);  // the connection is refused
      serve(*server_.farm(), [this, &link, alive = server_.Alive(), end](Reply reply) {
        if (!alive()) return;
        Carry(link, [end, reply = std::move(reply)] { end(reply); });
      });
    });
  }

 private:
  void Carry(const Link& link, std::function<void()> what) {
    const int copies = world_.Chance(weather.lost) ? 0 : world_.Chance(weather.twice) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      double delay = world_.Uniform(0.0005, 0.01);
      if (world_.Chance(weather.slow)) delay += world_.Uniform(0, 8);
      world_.After(delay, [this, &link, what] { Arrive(link, what); });
    }
  }
  // A server that stands still takes it later.
  void Arrive(const Link& link, const std::function<void()>& what) {
    if (world_.Now() < link.cut_until) return;
    const double stopped = world_.stopped_until() - world_.Now();
    if (stopped > 0) return world_.After(stopped, what);
    what();
  }

  World& world_;
  SimulatedServer& server_;
};

}  // namespace tilewright
