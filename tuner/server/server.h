// The farm's server: dispatcher, jobs and records behind gRPC. Threads: gRPC's own, one that
// expires leases, one that writes records, one for each running job.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "log/log.h"
#include "records/store/record_store.h"
#include "security/credentials.h"
#include "tuner/server/web/webhook.h"

namespace tilewright {

struct ServerOptions {
  std::string listen;  // "HOST:PORT" (port 0: any) or "unix:PATH"
  // With them every caller needs a certificate of the same farm; without, callers are trusted.
  std::shared_ptr<const Credentials> credentials;
  bool insecure = false;  // needed without credentials for an address that other machines reach
  double lease_seconds = 30;
  Log* log = nullptr;  // outlives the server; null: silence
  // Where the web page and the metrics are served ("HOST:PORT", numeric; port 0: any); empty:
  // nowhere. They have no authentication: an address that other machines reach needs `insecure`.
  std::string http;
  WebhookOptions webhook;  // its `insecure` is that of this
  // Told once, by the thread that stores, when the store accepts nothing more (Aborted): the server
  // is of no use until it is started again. May be null.
  std::function<void(const absl::Status& why)> on_broken_store;
  // A farm of one machine for one job: jobs of earlier runs are left alone until they are
  // submitted again, and a job fails when no worker was fit for a minute.
  bool embedded = false;
};

class Server {
 public:
  // Goes on with the jobs of the store and answers from now on. `store` and `clock` outlive the
  // server. PermissionDenied for an open address without credentials or `insecure`, and for
  // credentials of another role; Unavailable when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       RecordStore& store, const Clock& clock);
  // Answers waiting calls, stores what was reported; jobs go on with the next server.
  virtual ~Server() = default;

  // With the port that was bound.
  virtual const std::string& address() const = 0;
  // Empty without.
  virtual const std::string& http_address() const = 0;

 protected:
  Server() = default;
};

}  // namespace tilewright
