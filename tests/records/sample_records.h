// Records for tests.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "compiler/operators/workload_rules.h"
#include "records/record.h"

namespace tilewright {

inline Workload SampleWorkload(int64_t channels = 64, const std::string& epilogue = "+bias+relu") {
  const std::string c = std::to_string(channels);
  return ParseWorkload("conv2d(float32[1," + c + ",56,56],float32[" + c + "," + c +
                       ",3,3];dilation=1,1;groups=1;padding=1,1,1,1;strides=1,1;"
                       "NCHW16c,OIHW16i16o,NCHW16c)" +
                       epilogue)
      .value();
}

inline Record SampleRecord(const std::string& run_id, double seconds = 1.25e-3) {
  Record record;
  record.task = {SampleWorkload(), "conv2d_nchwc.cpu", ParseTarget("cpu -mcpu=znver5").value()};
  record.config.entities = {{"tile_oc", SplitEntity{{-1, 2}}},
                            {"order", ReorderEntity{{0, 2, 1}}},
                            {"ann", AnnotateEntity{{"none", "vec"}}},
                            {"unroll_kw", OtherEntity{true}},
                            {"steps", OtherEntity{int64_t{4}}}};
  record.index = 17;
  record.outcome = Timing{{seconds, seconds * 1.1, seconds / 3}};
  record.device_key = "xeon";
  record.device = "Some \"CPU\" at 3 GHz";
  record.worker = "worker-1";
  record.job = "job-7";
  record.seed = 0xfedcba9876543210u;
  record.build_seconds = 0.1;
  record.run_seconds = 0.7;
  record.unix_time = 1795000000.1234567;
  record.software = "tilewright 0.1.0";
  record.run_id = run_id;
  return record;
}

inline Record SampleFailure(const std::string& run_id) {
  Record record = SampleRecord(run_id);
  record.outcome = Failure{FailureKind::kCrash, "signal 11\nin the kernel"};
  return record;
}

// A folder that is removed with its contents.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tilewright-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace tilewright
