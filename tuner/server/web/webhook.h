// Tells another program over HTTP when a job ends or a worker goes bad.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "log/log.h"
#include "tuner/server/dispatch/farm_observer.h"

namespace tilewright {

struct WebhookOptions {
  std::string url;                // "https://..." or "http://..."; empty: nobody is told
  std::string secret;             // that the receiver knows too, 16 bytes or more
  bool insecure = false;          // http to another machine too
  double first_wait_seconds = 1;  // before the second attempt; doubles with each
};

// Each event is a POST of a JSON object:
//   {"id":"3f2a...","time":1795000000.1,"event":"job_ended","job":"resnet18-3f2a","state":"done",
//    "message":""}
//   {...,"event":"worker_bad","worker":"rack3","key":"xeon","reason":"disk full"}
// with the header "X-Tilewright-Signature: sha256=HEX", the HMAC-SHA256 of the body by the secret.
// The same id may come twice. A receiver answers 2xx within 10 s, else the event is sent again,
// five times in all, and then given up with a line in the log; so is what is still waiting at the
// end, and what comes while 1000 wait. Redirects are not followed. The observer's calls never wait.
class Webhook final : public FarmObserver {
 public:
  // `clock` and `log` outlive this. InvalidArgument for a URL of another kind, for http to another
  // machine unless `insecure`, and for a secret under 16 bytes.
  static absl::StatusOr<std::unique_ptr<Webhook>> Start(const WebhookOptions& options,
                                                        const Clock& clock, Log& log);
  // Ends an attempt that is under way.
  ~Webhook() override;

  void OnFault(const AttemptView& attempt, const std::string& reason, bool quarantined) override;
  void OnHealth(const std::string& worker, WorkerHealth health, const std::string& reason) override;
  // `state`: "done", "cancelled" or "failed".
  void OnJobEnded(const std::string& job, const std::string& state, const std::string& message);

 private:
  struct Event {
    std::string id, body;
  };

  Webhook(WebhookOptions options, const Clock& clock, Log& log);
  using Fields = std::vector<std::pair<const char*, std::string>>;
  void Tell(const Fields& fields);
  void Queue(std::string id, std::string body);
  void Loop();
  void Deliver(const Event& event);
  // The HTTP status, or 0 with what went wrong.
  long Post(const Event& event, std::string* problem) const;
  bool IsStopping() const;
  // False when it is stopped meanwhile.
  bool Wait(double seconds);

  const WebhookOptions options_;
  const Clock& clock_;
  Log& log_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> waiting_;  // guarded by mutex_
  bool stopping_ = false;      // guarded by mutex_
  std::thread sender_;         // last: it uses all of the above
};

}  // namespace tilewright
