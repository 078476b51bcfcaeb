// What a server leases, as a worker reads it.
#include "worker/pipeline/work_item.h"

#include <google/protobuf/stubs/logging.h>

#include "proto/convert.h"
#include "tests/fuzz/target.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

v1::WorkItem LeasedItem() {
  v1::WorkItem item;
  item.set_attempt(1);
  item.set_fence(1);
  const Record record = SampleRecord("a");
  *item.mutable_task() = ToMessage(record.task);
  item.set_config(EntitiesToJson(record.config));
  *item.mutable_options() = ToMessage(MeasureOptions{});
  return item;
}

}  // namespace

FuzzTarget work_item() {
  return {{LeasedItem().SerializeAsString()}, [](std::string_view bytes) {
            const google::protobuf::LogSilencer silence;
            v1::WorkItem item;
            if (!item.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
            return FromItem(item, 1).ok();
          }};
}

}  // namespace tilewright
