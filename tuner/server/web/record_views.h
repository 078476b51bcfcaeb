// What the web page shows of records: the best of each workload, and what a job's layers get.
#pragma once

#include <string>

#include "records/store/record_store.h"
#include "tuner/server/jobs/jobs.h"
#include "tuner/server/web/http_server.h"

namespace tilewright {

// {"found": count, "best": [...]}: the best record of each workload and target, the 200 with the
// most GFLOPS, whose text holds every word of the query's q, in upper or lower case; of its key,
// if there is one.
HttpReply ListBest(const RecordStore& store, const HttpQuery& query);

// [{"workload", "layers", "how", "record"}, ...]: for each workload of job ?id what a model that
// is compiled for the job's key now would get, as `tilewright explain`; "record" is null where
// there is none, and the default is used. 404 for an unknown job.
HttpReply ListLayers(const RecordStore& store, Jobs& jobs, const HttpQuery& query);

}  // namespace tilewright
