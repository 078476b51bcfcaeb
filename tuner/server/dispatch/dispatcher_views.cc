// What the dispatcher shows of itself.
#include <algorithm>

#include "tuner/server/dispatch/dispatcher.h"

namespace tilewright {

std::vector<WorkerView> Dispatcher::Workers() const {
  std::lock_guard lock(mutex_);
  std::vector<WorkerView> views;
  for (const auto& [id, session] : sessions_) {
    views.push_back({session.worker, session.held.size(), clock_.Now() - session.seen,
                     health_.View(session.worker.name, clock_.Now()), session.trials});
  }
  std::sort(views.begin(), views.end(),
            [](const auto& a, const auto& b) { return a.info.name < b.info.name; });
  return views;
}

std::vector<KeyView> Dispatcher::Keys() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, KeyView> keys;
  for (const auto& [id, session] : sessions_) {
    KeyView& view = keys[session.worker.device_key];
    view.total += session.worker.slots;
    view.free += session.worker.slots - std::min<size_t>(session.worker.slots, session.held.size());
  }
  for (const auto& [key, queue] : queues_) {
    if (!queue.empty()) keys[key].pending += queue.pending();
  }
  std::vector<KeyView> views;
  for (auto& [key, view] : keys) {
    view.key = key;
    views.push_back(view);
  }
  return views;
}

DispatcherCounts Dispatcher::Counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace tilewright
