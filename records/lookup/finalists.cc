#include "records/lookup/finalists.h"

#include <algorithm>
#include <set>

#include "base/status_macros.h"
#include "records/best_of_each.h"

namespace tilewright {
namespace {

constexpr double kTooSlow = 2;

}  // namespace

absl::StatusOr<std::vector<Record>> Finalists(const RecordStore& store, const Task& task,
                                              size_t count, const LookupOptions& options) {
  const RecordFilter filter{.workload_key = task.workload.Key(),
                            .target = ToString(task.target),
                            .device_key = options.device_key,
                            .only_ok = true,
                            .threads = options.threads};
  BestOfEach measured;
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    measured.Add(record);
    return true;
  }));
  std::vector<Record> fit = measured.Configs();
  std::erase_if(fit, [&](const Record& record) {
    return options.why_unfit && !options.why_unfit(record.task, record.config).empty();
  });
  if (fit.empty()) return fit;
  const double most = kTooSlow * *MedianSeconds(fit.front().outcome);
  std::erase_if(fit, [&](const Record& r) { return *MedianSeconds(r.outcome) > most; });
  std::set<std::string> templates;
  std::stable_partition(fit.begin(), fit.end(), [&](const Record& record) {
    return templates.insert(record.task.template_name).second;
  });
  if (fit.size() > count) fit.resize(count);
  return fit;
}

}  // namespace tilewright
