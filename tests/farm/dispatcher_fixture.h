// A dispatcher with everything observable, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tuner/server/dispatch/dispatcher.h"

namespace tilewright {

class FakeClock final : public Clock {
 public:
  double Now() const override { return now; }
  double UnixTime() const override { return 1e9 + now; }
  double now = 100;
};

inline WorkerInfo Worker(const std::string& name, const std::string& key = "cpu") {
  return {.name = name, .device_key = key, .device = "fake", .target = "cpu", .capacity = 4};
}

inline Measured Timed(double seconds) { return {.outcome = Timing{{seconds}}}; }

// Commits succeed at once unless held back.
class DispatcherTest : public ::testing::Test {
 protected:
  void Submit(const std::string& job, uint64_t index, const std::string& key = "cpu") {
    TrialRequest request{.job = job, .device_key = key};
    request.index = index;
    dispatcher.Submit(std::move(request), [this, index](Measured measured) {
      if (!measured.fault.empty()) faulted[index] = measured.fault;
      done[index].push_back(std::move(measured.outcome));
    });
  }
  std::string Open(const std::string& name, const std::string& key = "cpu") {
    return dispatcher.OpenSession(Worker(name, key)).value();
  }
  absl::StatusOr<ReportResult> Fault(const std::string& session, const LeasedTrial& leased) {
    return dispatcher.ReportFault({session, leased.attempt, leased.fence, "disk full"});
  }
  std::vector<LeasedTrial> Lease(const std::string& session, size_t items) {
    std::vector<LeasedTrial> result;
    dispatcher.Lease(session, items, 0, [&](auto leased) { result = leased.value(); });
    return result;
  }
  absl::StatusOr<ReportResult> Report(const std::string& session, const LeasedTrial& leased,
                                      double seconds) {
    // A commit that is held back answers after this has returned.
    const auto result =
        std::make_shared<absl::StatusOr<ReportResult>>(absl::UnknownError("not answered"));
    dispatcher.Report({session, leased.attempt, leased.fence, Timed(seconds)},
                      [result](auto reported) { *result = reported; });
    return *result;
  }

  FakeClock clock;
  std::vector<FinishedTrial> stored;
  absl::Status store_status;
  std::vector<Dispatcher::Then> held_back;
  bool hold_back = false;
  int next_session = 0;
  std::set<std::string> revoked;  // serials
  Dispatcher dispatcher{clock,
                        {.is_revoked = [this](const auto& it) { return revoked.contains(it); }},
                        [this] { return "session-" + std::to_string(next_session++); },
                        [this](FinishedTrial trial, Dispatcher::Then then) {
                          if (hold_back) {
                            held_back.push_back(std::move(then));
                          } else {
                            if (store_status.ok()) stored.push_back(std::move(trial));
                            then(store_status);
                          }
                        }};
  std::map<uint64_t, std::vector<Outcome>> done;
  std::map<uint64_t, std::string> faulted;
};

}  // namespace tilewright
