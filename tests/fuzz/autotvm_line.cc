// Lines of AutoTVM's logs, ours and foreign ones.
#include "base/check.h"
#include "records/formats/autotvm_log.h"
#include "tests/fuzz/target.h"
#include "tests/records/sample_records.h"

namespace tilewright {

FuzzTarget autotvm_line() {
  return {
      {EncodeLogLine(SampleRecord("run-1")).value(), EncodeLogLine(SampleFailure("run-2")).value()},
      [](std::string_view line) {
        const auto record = DecodeLogLine(line);
        if (!record.ok()) return false;
        const auto written = EncodeLogLine(*record);
        TW_CHECK(!written.ok() || DecodeLogLine(*written).ok()) << *written;
        return true;
      }};
}

}  // namespace tilewright
