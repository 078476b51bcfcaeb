// What servers and workers send each other about tasks and outcomes.
#include <google/protobuf/stubs/logging.h>

#include "base/check.h"
#include "proto/convert.h"
#include "tests/fuzz/target.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

template <typename Message>
bool Read(std::string_view bytes) {
  const google::protobuf::LogSilencer silence;  // it says of each text what is no UTF-8
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  const auto value = FromMessage(message);
  if (!value.ok()) return false;
  TW_CHECK(FromMessage(ToMessage(*value)).ok()) << message.ShortDebugString();
  return true;
}

}  // namespace

FuzzTarget task_message() {
  return {{ToMessage(SampleRecord("a").task).SerializeAsString(),
           ToMessage(SampleRecord("a").outcome).SerializeAsString(),
           ToMessage(SampleFailure("a").outcome).SerializeAsString(),
           ToMessage(MeasureOptions{}).SerializeAsString()},
          [](std::string_view bytes) {
            const bool task = Read<v1::Task>(bytes), outcome = Read<v1::Outcome>(bytes);
            return Read<v1::MeasureOptions>(bytes) || task || outcome;
          }};
}

}  // namespace tilewright
