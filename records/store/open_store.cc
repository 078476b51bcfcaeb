#include "records/store/open_store.h"

#include "records/store/postgres_store.h"
#include "records/store/postgres_url.h"

namespace tilewright {

absl::StatusOr<std::unique_ptr<RecordStore>> OpenStore(const std::string& named, bool read_only) {
  if (!IsPostgresUrl(named)) return OpenSqliteStore(named, read_only);
  return read_only ? ReadPostgresStore(named) : OpenPostgresStore(named);
}

}  // namespace tilewright
