// Sends finished trials until the server has answered for good. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "worker/blocking_queue.h"
#include "worker/pipe_io.h"
#include "worker/server_link.h"
#include "worker/trial.h"

namespace tilewright {

class Reporter {
 public:
  // `link` outlives this; `log` may be null and is called on any thread.
  Reporter(ServerLink& link, std::function<void(const std::string&)> log);
  ~Reporter() { Finish(); }

  void Queue(v1::ReportRequest report);
  // Goes on for a few seconds with what is queued, then gives up. Nothing may be queued after it.
  void Finish();
  // Attempts on their way, which the worker therefore still holds.
  std::vector<AttemptId> Pending() const;

 private:
  void Loop();
  void Send(const v1::ReportRequest& report);
  bool SleepUnlessLate(double seconds);

  ServerLink& link_;
  const std::function<void(const std::string&)> log_;
  mutable std::mutex mutex_;
  std::condition_variable stopping_changed_;
  bool stopping_ = false;
  Deadline last_ = Deadline::max();  // for what is still queued at the end
  std::multiset<AttemptId> pending_;
  BlockingQueue<v1::ReportRequest> queue_;
  std::vector<std::thread> threads_;
};

// What is told of a trial: the measurement, or the fault of this worker.
v1::ReportRequest MakeReport(const WorkerTrial& trial, const WorkerResult& result);

}  // namespace tilewright
