// What a farm's job says of the network that its last phase runs.
#include "cli/tuning/job_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/network.pb.h"
#include "tests/cli/command_line.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Of one input of that name, bound to a shape; and what was printed meanwhile.
v1::Network NetworkWithInput(const std::string& name, std::string* printed) {
  ModelBuilder m;
  m.Input(name, {-1, 4});
  m.Node("Relu", {name}, {"y"});
  m.Output("y");
  const std::string file = testing::TempDir() + "/job_network.onnx";
  WriteAll(file, m.Bytes());
  v1::JobSpec spec;
  testing::internal::CaptureStderr();
  AddNetwork({.model = file, .input_shapes = {name + ":2,4"}}, &spec);
  *printed = testing::internal::GetCapturedStderr();
  v1::Network network;
  EXPECT_TRUE(network.ParseFromString(spec.network()));
  return network;
}

TEST(JobNetwork, AnInputThatIsNotCalledInUtf8IsNamedAndNotSent) {
  std::string printed;
  EXPECT_THAT(NetworkWithInput("x", &printed).left_out(), IsEmpty());
  const v1::Network network = NetworkWithInput("x\xff", &printed);
  EXPECT_THAT(network.left_out(), HasSubstr("the input's name \"x\\xff\" is not UTF-8"));
  EXPECT_THAT(network.model(), IsEmpty());
  // By protobuf of what is sent. Of ONNX's own messages it says so where it is built to debug.
  EXPECT_THAT(printed, Not(HasSubstr("tilewright.v1")));
}

}  // namespace
}  // namespace tilewright
