#include "worker/pipeline/work_item.h"

#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "proto/convert.h"
#include "proto/network.h"

namespace tilewright {

absl::StatusOr<WorkerTrial> FromItem(const v1::WorkItem& item, uint64_t epoch) {
  WorkerTrial trial{.attempt = {epoch, item.attempt()}, .fence = item.fence()};
  if (!item.network().empty()) {
    TW_ASSIGN_OR_RETURN(v1::NetworkRound round, ReadNetworkRound(item.network()));
    trial.network = std::make_shared<const v1::NetworkRound>(std::move(round));
    return trial;
  }
  TW_ASSIGN_OR_RETURN(trial.task, FromMessage(item.task()));
  TW_ASSIGN_OR_RETURN(trial.config, ParseEntitiesJson(item.config()));
  TW_ASSIGN_OR_RETURN(trial.options, FromMessage(item.options()));
  trial.module_sha256 = item.module_sha256();
  return trial;
}

}  // namespace tilewright
