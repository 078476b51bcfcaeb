// Messages of whole networks as they come from other machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "proto/network.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

v1::NetworkRound Round() {
  v1::NetworkRound round;
  round.mutable_network()->set_model("onnx");
  round.set_target("cpu");
  v1::NetworkLayer& layer = *round.add_layers();
  layer.set_workload("dense");
  layer.add_options()->set_template_name("a");
  layer.add_options()->set_template_name("b");
  round.add_mixes()->add_options(0);
  round.add_mixes()->add_options(1);
  round.set_least_rounds(1);
  round.set_most_rounds(2);
  round.set_seconds(1);
  round.set_threads(1);
  return round;
}

v1::NetworkTimes Times(double seconds = 0.5) {
  v1::NetworkTimes times;
  for (int mix = 0; mix < 2; ++mix) {
    v1::NetworkSeconds& run = *times.add_mixes()->add_rounds();
    run.set_whole(seconds);
    run.add_layers(seconds);
  }
  return times;
}

absl::Status Told(const v1::NetworkTimes& times) {
  return ReadNetworkTimes(times.SerializeAsString(), Round()).status();
}

template <typename Change>
absl::Status Changed(Change change) {
  v1::NetworkRound round = Round();
  change(round);
  return ReadNetworkRound(round.SerializeAsString()).status();
}

TEST(NetworkMessages, WhatIsWithinTheBoundsIsRead) {
  EXPECT_TRUE(Changed([](v1::NetworkRound&) {}).ok());
  EXPECT_TRUE(Told(Times()).ok());
  EXPECT_TRUE(ReadNetwork(Round().network().SerializeAsString()).ok());
}

TEST(NetworkMessages, AModelAboveTheLimitIsRefusedWithItsSize) {
  v1::Network network;
  network.set_model(std::string(kMaxNetworkModelBytes + 1, 'x'));
  EXPECT_THAT(ReadNetwork(network.SerializeAsString()).status().message(), HasSubstr("4194305"));
  EXPECT_FALSE(ReadNetwork(std::string(kMaxNetworkBytes + 1, 'x')).ok());
  EXPECT_FALSE(ReadNetwork("\xff\xff").ok());
}

TEST(NetworkMessages, ANetworkHasAModelOrAReasonOfOneLine) {
  v1::Network network;
  EXPECT_FALSE(ReadNetwork(network.SerializeAsString()).ok());
  network.set_left_out("too large");
  EXPECT_TRUE(ReadNetwork(network.SerializeAsString()).ok());
  network.set_left_out("\x1b[2J");
  EXPECT_FALSE(ReadNetwork(network.SerializeAsString()).ok());
  network.set_left_out(LeftOutText("\x1b[2J\xff and " + std::string(5000, 'x')));
  EXPECT_TRUE(ReadNetwork(network.SerializeAsString()).ok());
}

TEST(NetworkMessages, TextsOfOperatorsAreBounded) {
  const auto with = [](int files, size_t bytes, const std::string& name) {
    v1::Network network = Round().network();
    for (int i = 0; i < files; ++i) {
      v1::NetworkOperators& file = *network.add_operators();
      file.set_file(name);
      file.set_text(std::string(bytes, '#'));
    }
    return ReadNetwork(network.SerializeAsString()).status();
  };
  EXPECT_TRUE(with(16, 1 << 16, "mine.txt").ok());
  EXPECT_THAT(with(17, 1, "mine.txt").message(), HasSubstr("more than 16 files"));
  EXPECT_THAT(with(2, (1 << 19) + 1, "mine.txt").message(), HasSubstr("more than 1 MiB"));
  EXPECT_THAT(with(1, 1, "").message(), HasSubstr("of no file"));
}

TEST(NetworkMessages, ARoundNamesOnlyWhatItHas) {
  EXPECT_FALSE(Changed([](auto& r) { r.mutable_mixes(0)->set_options(0, 2); }).ok());
  EXPECT_FALSE(Changed([](auto& r) { r.mutable_mixes(0)->add_options(0); }).ok());
  EXPECT_FALSE(Changed([](auto& r) { r.mutable_layers(0)->clear_options(); }).ok());
  EXPECT_FALSE(Changed([](auto& r) { r.clear_mixes(); }).ok());
}

TEST(NetworkMessages, ARoundIsBounded) {
  EXPECT_FALSE(Changed([](auto& r) { r.set_most_rounds(1'000'000); }).ok());
  EXPECT_FALSE(Changed([](auto& r) { r.set_least_rounds(0); }).ok());
  EXPECT_FALSE(Changed([](auto& r) { r.set_threads(0); }).ok());
  EXPECT_FALSE(Changed([](auto& r) { r.set_seconds(1e9); }).ok());
  EXPECT_FALSE(
      Changed([](auto& r) { r.set_seconds(std::numeric_limits<double>::quiet_NaN()); }).ok());
  EXPECT_FALSE(Changed([](auto& r) {
                 for (int i = 0; i < kMaxNetworkMixes; ++i) r.add_mixes()->add_options(0);
               }).ok());
  EXPECT_FALSE(Changed([](auto& r) {
                 r.mutable_layers(0)->mutable_options(0)->set_config(std::string(5000, 'x'));
               }).ok());
}

TEST(NetworkMessages, TimesThatCannotBeAreRefused) {
  for (const double seconds : {0.0, -1.0, 1e6, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_FALSE(Told(Times(seconds)).ok()) << seconds;
  }
  v1::NetworkTimes times = Times();
  times.mutable_mixes(0)->add_rounds()->CopyFrom(times.mixes(1).rounds(0));
  EXPECT_FALSE(Told(times).ok()) << "one mix ran more often than the other";
  times = Times();
  times.mutable_mixes(0)->mutable_rounds(0)->add_layers(1);
  EXPECT_FALSE(Told(times).ok());
  times = Times();
  times.add_mixes();
  EXPECT_FALSE(Told(times).ok());
  EXPECT_FALSE(Told(v1::NetworkTimes()).ok());
}

TEST(NetworkMessages, AReasonToLeaveItOutComesAsOneLine) {
  v1::NetworkTimes times;
  times.set_left_out("no\nsuch operator");
  const auto read = ReadNetworkTimes(times.SerializeAsString(), Round());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->left_out(), "no such operator");
}

}  // namespace
}  // namespace tilewright
