#include "records/formats/import_format.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "records/formats/autotvm_log.h"
#include "records/store/foreign.h"

namespace tilewright {
namespace {

class AutoTvmReader final : public LineReader {
 public:
  absl::StatusOr<std::vector<Record>> Read(std::string_view line) override {
    TW_ASSIGN_OR_RETURN(Record record, DecodeLogLine(line));
    return std::vector<Record>{std::move(record)};
  }
};

std::unique_ptr<LineReader> ReadAutoTvm(const std::string&) {
  return std::make_unique<AutoTvmReader>();
}

}  // namespace

absl::Status NotRead(absl::string_view reason, absl::string_view detail) {
  const std::string_view shown(detail.data(), detail.size());
  return absl::InvalidArgumentError(absl::StrCat(reason, ": ", Shown(shown)));
}

absl::Status CheckImported(std::string_view line, const Record& record) {
  if (!IsUtf8(line)) return NotRead("no text", "it is not UTF-8");
  const std::string target = ToString(record.task.target);
  if (ParseAnyTarget(target) != record.task.target) return NotRead("no name of a device", target);
  const absl::Status sound = CheckRecord(record);
  if (sound.ok()) return sound;
  return NotRead("a value out of range", sound.message());
}

const std::vector<ImportFormat>& ImportFormats() {
  static const auto* const formats = new std::vector<ImportFormat>{
      {"autotvm", ReadAutoTvm}, {"miopen", ReadMiopenFindDb}, {"aiter", ReadAiterTable}};
  return *formats;
}

}  // namespace tilewright
