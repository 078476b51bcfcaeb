// The whole path of a device that is no CPU, on PoCL: a farm's worker with a key, or `tune` alone;
// records, package, run, the right outputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/command_line.h"
#include "tests/faults/farm_process.h"

namespace tilewright {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class OpenClPath : public testing::Test {
 protected:
  // The package computes what the plain definitions compute on the CPU.
  void ExpectRightOutputs(const std::string& package) {
    ASSERT_EQ(tw_.Run("compile m.onnx --reference -o reference.tar").exit_code, 0);
    const CommandResult compared =
        tw_.Run("compare " + package + " --reference reference.tar --repeat 1 --json");
    ASSERT_EQ(compared.exit_code, 0) << compared.err;
    for (const auto& row : nlohmann::json::parse(compared.out)) {
      EXPECT_LE(row["error"].get<double>(), 1e-4) << row.dump();
    }
    const CommandResult ran = tw_.Run("run " + package + " --device opencl:0 --fill random");
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
  }

  CommandLine tw_;
};

TEST_F(OpenClPath, TuneMeasuresOnTheDeviceAndCompileUsesItsRecords) {
  ASSERT_EQ(tw_.Run("zoo squeezenet1_1 --image 32 -o m.onnx").exit_code, 0);
  const CommandResult tuned =
      tw_.Run("tune m.onnx --target opencl --records r.db --tasks 0,3 --trials 8 --seed 1 --json");
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  const auto json = nlohmann::json::parse(tuned.out);
  EXPECT_EQ(json["layers"].size(), 2u);
  EXPECT_THAT(tw_.Run("history --records r.db --target opencl").out, HasSubstr("conv2d_nchw.cuda"));
  EXPECT_THAT(tw_.Run("explain m.onnx --target opencl --records r.db").out, HasSubstr("key local"));
  const CommandResult compiled =
      tw_.Run("compile m.onnx --target opencl --records r.db -o tuned.tar");
  ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  ExpectRightOutputs("tuned.tar");
}

TEST_F(OpenClPath, AFarmsWorkerMeasuresUnderItsKey) {
  ASSERT_EQ(tw_.Run("zoo mlp -o m.onnx").exit_code, 0);
  const std::string address = "unix:" + tw_ / "socket";
  const FarmProcess server({"serve", "--listen", address, "--records", tw_ / "farm.db"});
  ASSERT_TRUE(WaitUntil([&] { return tw_.Run("workers --server " + address).exit_code == 0; }));
  const FarmProcess worker(
      {"worker", "--server", address, "--key", "pocl", "--device", "opencl:0"});
  const CommandResult tuned =
      tw_.Run("tune m.onnx --server " + address + " --key pocl --tasks 0 --trials 4 --json");
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  const CommandResult history =
      tw_.Run("history --target opencl --key pocl --records farm:" + address);
  EXPECT_THAT(history.out, HasSubstr("dense_large_batch.gpu"));
  const CommandResult compiled =
      tw_.Run("compile m.onnx --target opencl --records farm:" + address + " -o tuned.tar");
  ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  ExpectRightOutputs("tuned.tar");
}

TEST_F(OpenClPath, TuningForADeviceThatIsNotHereSaysWhatIsMissingAndWhatWorks) {
  ASSERT_EQ(tw_.Run("zoo mlp -o m.onnx").exit_code, 0);
  const CommandResult tuned = tw_.Run("tune m.onnx --target opencl --device opencl:99");
  EXPECT_EQ(tuned.exit_code, 4);
  EXPECT_THAT(tuned.err, AllOf(HasSubstr("there is no opencl:99"),
                               HasSubstr("tilewright compile --target 'opencl'"),
                               HasSubstr("--server HOST:PORT")));
}

}  // namespace
}  // namespace tilewright
