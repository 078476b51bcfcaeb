#include "tuner/server/web/web_views.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "base/strings.h"
#include "tuner/server/jobs/job_events.h"
#include "tuner/server/jobs/tuning_curves.h"
#include "tuner/server/services/messages.h"
#include "tuner/server/web/record_views.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kTrialsPerOpenTask = 64;  // as a job without any budget gets

// Generated from tuner/server/web.
constexpr char kPage[] =
#include "tuner/server/web/farm.html.inc"
    ;
constexpr char kScript[] =
#include "tuner/server/web/farm.js.inc"
    ;
constexpr char kStyle[] =
#include "tuner/server/web/farm.css.inc"
    ;

HttpReply Reply(const Json& json) {
  return {.body = json.dump(-1, ' ', true, Json::error_handler_t::replace)};
}

Json JsonOf(const v1::JobSummary& job) {
  return {{"job", job.job()},
          {"name", job.name()},
          {"key", job.key()},
          {"owner", job.owner()},
          {"state", WordOf(job.state())},
          {"tasks", job.tasks()},
          {"trials", job.finished_trials()},
          {"failed", job.failed_trials()},
          {"budget", job.budget()},
          {"model_seconds", job.model_seconds()},
          {"created", job.created()},
          {"message", job.message()}};
}

HttpReply ListJobs(Jobs& jobs) {
  const absl::StatusOr<std::vector<v1::JobSummary>> all = jobs.All("");
  if (!all.ok()) return FailedReply(all.status());
  Json list = Json::array();
  for (const v1::JobSummary& job : *all) list.push_back(JsonOf(job));
  return Reply(list);
}

Json JsonOf(const TuningCurves::Curve& curve) {
  Json points = Json::array();
  for (const TuningCurves::Point& point : curve) points.push_back({point.trial, point.value});
  return points;
}

// [trial of the job, best GFLOPS] of each task, and [trial, seconds] of the whole model.
Json JsonOf(const TuningCurves& curves) {
  Json tasks = Json::object();
  for (const auto& [index, task] : curves.tasks()) {
    tasks[std::to_string(index)] = {{"workload", task.workload}, {"points", JsonOf(task.gflops)}};
  }
  return {{"tasks", std::move(tasks)}, {"model", JsonOf(curves.model())}};
}

HttpReply ShowJob(Jobs& jobs, const HttpQuery& query) {
  const auto id = query.find("id");
  if (id == query.end()) return {400, "text/plain", "?id=JOB\n"};
  const absl::StatusOr<std::shared_ptr<Job>> job = jobs.Find(id->second, "");
  if (!job.ok()) return FailedReply(job.status());
  const absl::StatusOr<TuningCurves> curves = (*job)->Curves();
  if (!curves.ok()) return FailedReply(curves.status());
  return Reply({{"job", JsonOf((*job)->Summary())}, {"curves", JsonOf(*curves)}});
}

HttpReply ListWorkers(const Dispatcher& dispatcher, const WorkerLoad& load) {
  Json workers = Json::array(), keys = Json::array();
  for (const WorkerView& view : dispatcher.Workers()) {
    workers.push_back(
        {{"worker", view.info.name},
         {"key", view.info.device_key},
         {"device", view.info.device},
         {"target", view.info.target},
         {"role", NameOf(view.info.role)},
         {"slots", view.info.slots},
         {"held", view.held},
         {"busy", load.BusyShare(view.info.name)},
         {"seconds_since_seen", view.seconds_since_seen},
         {"trials", view.trials},
         {"faults", view.health.faults},
         {"health", absl::AsciiStrToLower(v1::WorkerHealth_Name(ToMessage(view.health.health)))},
         {"reason", view.health.reason}});
  }
  for (const KeyView& view : dispatcher.Keys()) {
    keys.push_back(
        {{"key", view.key}, {"total", view.total}, {"free", view.free}, {"pending", view.pending}});
  }
  return Reply({{"workers", workers}, {"keys", keys}});
}

// A job that only ends by its time, or when its spaces are used up, takes what it can get.
double WantedTrials(const v1::JobSummary& job) {
  if (job.state() == v1::PAUSED) return 0;
  if (job.budget() == 0) return kTrialsPerOpenTask * job.tasks();
  return static_cast<double>(job.budget() - std::min(job.budget(), job.finished_trials()));
}

HttpReply Scrape(const WebParts& parts) {
  std::map<std::string, FarmGauges::Key> keys;
  for (const KeyView& view : parts.dispatcher.Keys()) {
    keys[view.key] = {view.key, static_cast<double>(view.total), static_cast<double>(view.free),
                      static_cast<double>(view.pending)};
  }
  for (const v1::JobSummary& job : parts.jobs.Running()) {
    FarmGauges::Key& key = keys[job.key()];
    key.key = job.key();
    key.wanted += WantedTrials(job);
  }
  FarmGauges now;
  for (auto& [name, key] : keys) now.keys.push_back(std::move(key));
  for (const WorkerView& view : parts.dispatcher.Workers()) {
    ++now.workers[absl::AsciiStrToLower(v1::WorkerHealth_Name(ToMessage(view.health.health)))];
  }
  return {.type = "text/plain; version=0.0.4", .body = parts.metrics.Text(now)};
}

HttpHandler Static(const char* type, const char* text) {
  return [=](const HttpQuery&) { return HttpReply{.type = type, .body = text}; };
}

}  // namespace

HttpRoutes MakeWebRoutes(const WebParts& parts) {
  return {{"/", Static("text/html", kPage)},
          {"/farm.js", Static("text/javascript", kScript)},
          {"/farm.css", Static("text/css", kStyle)},
          {"/api/jobs", [parts](const HttpQuery&) { return ListJobs(parts.jobs); }},
          {"/api/job", [parts](const HttpQuery& query) { return ShowJob(parts.jobs, query); }},
          {"/api/workers",
           [parts](const HttpQuery&) { return ListWorkers(parts.dispatcher, parts.load); }},
          {"/api/best", [parts](const HttpQuery& query) { return ListBest(parts.store, query); }},
          {"/api/layers",
           [parts](const HttpQuery& query) { return ListLayers(parts.store, parts.jobs, query); }},
          {"/metrics", [parts](const HttpQuery&) { return Scrape(parts); }}};
}

}  // namespace tilewright
