// The farm's web page: what is shown at which path. Read-only.
//   /            the page (tuner/server/web); /farm.js, /farm.css
//   /api/jobs    every job; /api/job?id=JOB with its tuning curves
//   /api/layers?id=JOB the record behind each layer; /api/best?q=WORDS&key=KEY the best records
//                (tuner/server/web/record_views.h)
//   /api/workers workers and the queue of each key
//   /metrics     tuner/server/web/farm_metrics.h
#pragma once

#include "tuner/server/dispatch/dispatcher.h"
#include "tuner/server/jobs/jobs.h"
#include "tuner/server/services/worker_load.h"
#include "tuner/server/web/farm_metrics.h"
#include "tuner/server/web/http_server.h"

namespace tilewright {

// All of it outlives the routes.
struct WebParts {
  const Dispatcher& dispatcher;
  Jobs& jobs;
  FarmMetrics& metrics;
  const WorkerLoad& load;
  const RecordStore& store;
};

HttpRoutes MakeWebRoutes(const WebParts& parts);

}  // namespace tilewright
