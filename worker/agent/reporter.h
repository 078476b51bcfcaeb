// Sends finished trials until the server has answered for good; keeps them on disk meanwhile.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "worker/agent/server_link.h"
#include "worker/agent/spool.h"
#include "worker/pipeline/blocking_queue.h"
#include "worker/pipeline/trial.h"
#include "worker/process/pipe_io.h"

namespace tilewright {

class Reporter {
 public:
  // What a report's lease_items brought, under which session.
  using Leased = std::function<void(const std::string& session, const v1::ReportReply&)>;

  // `link` and `spool`, which may be null, outlive this; `log` may be null and is called on any
  // thread, as is `leased`: once for each queued report with lease_items, after the first attempt
  // to send it, with an empty reply where that failed. Begins with what is left in the spool.
  Reporter(ServerLink& link, Spool* spool, std::function<void(const std::string&)> log,
           Leased leased);
  ~Reporter() { Finish(); }

  void Queue(v1::ReportRequest report);
  // Goes on for a few seconds with what is queued, then gives up. Nothing may be queued after it.
  void Finish();
  // Attempts on their way, which the worker therefore still holds.
  std::vector<AttemptId> Pending() const;

 private:
  void SpoolLoop();
  void SendLoop();
  // Whether the server has answered.
  bool Send(v1::ReportRequest& report);
  absl::Status SendOnce(v1::ReportRequest& report);
  bool SleepUnlessLate(double seconds);

  ServerLink& link_;
  Spool* const spool_;
  const std::function<void(const std::string&)> log_;
  const Leased leased_;
  mutable std::mutex mutex_;
  std::condition_variable stopping_changed_;
  bool stopping_ = false;
  Deadline last_ = Deadline::max();  // for what is still queued at the end
  std::multiset<AttemptId> pending_;
  BlockingQueue<v1::ReportRequest> to_spool_, to_send_;
  std::thread spooler_;
  std::vector<std::thread> senders_;
};

// To be filled in: with no result of the attempt yet.
v1::ReportRequest EmptyReport(const WorkerTrial& trial);
// What is told of a trial: the measurement, a network's times, or the fault of a worker.
v1::ReportRequest MakeReport(const WorkerTrial& trial, const WorkerResult& result);
// After that, when it is found not to be trusted.
v1::ReportRequest MakeWithdrawal(const WorkerTrial& trial, const absl::Status& why);

}  // namespace tilewright
