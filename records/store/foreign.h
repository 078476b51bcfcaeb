// What logs of other systems hold that ours does not know: targets and templates.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/core/target.h"
#include "records/store/record_store.h"

namespace tilewright {

// ParseTarget where it succeeds; otherwise the kind is the first word and unknown options are
// dropped. Never fails: such a target is only shown and compared.
Target ParseAnyTarget(std::string_view text);

// Records, usable or not, of templates that are not ours, by template: no model can use them.
absl::StatusOr<std::map<std::string, int64_t>> ForeignTemplates(const RecordScan& records);

}  // namespace tilewright
