// The durable record store: a group writer and a few readers on one SQL database.
#pragma once

#include <memory>

#include "records/store/group_writer.h"
#include "records/store/record_store.h"
#include "records/store/sql.h"
#include "records/store/sql_readers.h"

namespace tilewright {

// Let go in reverse order.
struct SqlStoreParts {
  SqlSchema schema;
  std::shared_ptr<void> lock;           // keeps other writers away; may be null
  std::unique_ptr<GroupWriter> writer;  // null when read-only
  std::shared_ptr<void> check;          // what looks at the database meanwhile; may be null
  SqlReaders::Open open_reader;
};

std::unique_ptr<RecordStore> MakeSqlStore(SqlStoreParts parts);

}  // namespace tilewright
