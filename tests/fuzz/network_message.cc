// Whole networks as servers and workers send them to each other (proto/network.h).
#include <google/protobuf/stubs/logging.h>

#include "base/check.h"
#include "proto/network.h"
#include "tests/fuzz/target.h"

namespace tilewright {
namespace {

v1::NetworkRound SampleRound() {
  v1::NetworkRound round;
  round.mutable_network()->set_model("model");
  round.mutable_network()->add_disabled_passes("fuse");
  round.set_target("cpu");
  v1::NetworkLayer& layer = *round.add_layers();
  layer.set_workload("dense");
  layer.add_options()->set_template_name("dense_pack.cpu");
  round.add_mixes()->add_options(0);
  round.set_least_rounds(1);
  round.set_most_rounds(2);
  round.set_seconds(1);
  round.set_threads(1);
  return round;
}

v1::NetworkTimes SampleTimes() {
  v1::NetworkTimes times;
  v1::NetworkSeconds& run = *times.add_mixes()->add_rounds();
  run.set_whole(0.5);
  run.add_layers(0.25);
  return times;
}

}  // namespace

FuzzTarget network_message() {
  return {{SampleRound().SerializeAsString(), SampleRound().network().SerializeAsString(),
           SampleTimes().SerializeAsString()},
          [](std::string_view bytes) {
            const google::protobuf::LogSilencer silence;  // it says of each text what is no UTF-8
            const std::string text(bytes);
            const auto round = ReadNetworkRound(text);
            for (int i = 0; round.ok() && i < round->mixes_size(); ++i) {
              TW_CHECK(round->mixes(i).options_size() == round->layers_size());
            }
            const auto times = ReadNetworkTimes(text, SampleRound());
            if (times.ok() && times->left_out().empty()) {
              TW_CHECK(times->mixes(0).rounds(0).layers_size() == 1);
            }
            return round.ok() || times.ok() || ReadNetwork(text).ok();
          }};
}

}  // namespace tilewright
