// Files that a worker which is gone left in its spool.
#include <google/protobuf/stubs/logging.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "tests/fuzz/target.h"
#include "tests/records/sample_records.h"
#include "worker/agent/spool.h"

namespace tilewright {
namespace {

v1::ReportRequest SpooledReport() {
  v1::ReportRequest report;
  report.set_session("session");
  report.set_server_epoch(1);
  report.set_attempt(2);
  report.set_fence(3);
  report.mutable_measured()->mutable_outcome()->add_seconds(0.5);
  return report;
}

}  // namespace

FuzzTarget spooled_report() {
  return {{SpooledReport().SerializeAsString()},
          [](std::string_view bytes) {
            const google::protobuf::LogSilencer silence;
            const TempFolder folder;
            std::ofstream(folder / "0000000000000001-2-3.report", std::ios::binary) << bytes;
            const auto left = Spool::Open(folder / "").value()->TakeLeft();
            TW_CHECK(left.size() <= 1) << "one file";
            return !left.empty();
          },
          /*variants=*/200};
}

}  // namespace tilewright
