// Lines of other tuners' databases: MIOpen's find-db, aiter's tables.
#include "base/check.h"
#include "records/formats/autotvm_log.h"
#include "records/formats/import_format.h"
#include "tests/fuzz/target.h"

namespace tilewright {
namespace {

constexpr char kHeading[] = "gfx,M,N,K,dtype,outdtype,bias,libtype,kernelName,splitK,us";

bool IsRead(const absl::StatusOr<std::vector<Record>>& records) {
  if (!records.ok()) return false;
  for (const Record& record : *records) {
    const auto written = EncodeLogLine(record);
    TW_CHECK(written.ok() && DecodeLogLine(*written).ok()) << record.run_id;
  }
  return !records->empty();
}

}  // namespace

FuzzTarget database_lines() {
  return {
      .seeds =
          {"64-56-56-3x3-128-28-28-16-1x1-2x2-1x1-0-NCHW-FP32-F=ConvAsm3x3U:0.25,0,a;GemmFwdRest:"
           "0.5,7225344,b",
           "64-9-9-3x3-64-9-9-1-1x1-1x1-1x1-0-NCHW-NCHW-NCHW-FP16-F_g64="
           "miopenConvolutionFwdAlgoDirect:ConvDirectNaive,1.5,0,c,not used",
           "gfx942,16,4096,1024,torch.bfloat16,torch.bfloat16,True,asm,bf16gemm_64x64,4,12.5"},
      .read =
          [](std::string_view line) {
            const bool convolution = IsRead(ReadMiopenFindDb("gfx90a68.HIP.fdb.txt")->Read(line));
            const auto table = ReadAiterTable("");
            TW_CHECK(table->Read(kHeading).ok());
            return IsRead(table->Read(line)) || convolution;
          },
      .broke = {"64-9-9-3x3-64-9-9-1-1x1-1x1-1x1-0-NCHW-NCHW-NCHW-FP16-F_g64="
                "miopenConvolutionFwdAlgoDirect"}};
}

}  // namespace tilewright
