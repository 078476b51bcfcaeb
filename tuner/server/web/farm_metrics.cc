#include "tuner/server/web/farm_metrics.h"

#include "prometheus/client_metric.h"
#include "prometheus/text_serializer.h"

namespace tilewright {
namespace {

constexpr size_t kMostLabels = 256;

prometheus::Family<prometheus::Counter>& CounterOf(prometheus::Registry& registry,
                                                   const std::string& name,
                                                   const std::string& help) {
  return prometheus::BuildCounter().Name("tilewright_" + name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Histogram>& HistogramOf(prometheus::Registry& registry,
                                                       const std::string& name,
                                                       const std::string& help) {
  return prometheus::BuildHistogram().Name("tilewright_" + name).Help(help).Register(registry);
}

// Of seconds: from what a lease takes when a worker waits to a long queue.
prometheus::Histogram::BucketBoundaries DispatchBounds() {
  return {0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600};
}

// Of seconds: a sync of a fast disk takes one millisecond, of a busy one a tenth of a second.
prometheus::Histogram::BucketBoundaries CommitBounds() {
  return {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5};
}

std::string OutcomeName(const Outcome& outcome) {
  const auto* failure = std::get_if<Failure>(&outcome);
  return failure ? std::string(NameOf(failure->kind)) : "ok";
}

class GaugeText {
 public:
  GaugeText(const std::string& name, const std::string& help) {
    family_.name = "tilewright_" + name;
    family_.help = help;
    family_.type = prometheus::MetricType::Gauge;
  }
  void Add(const std::string& label, const std::string& value, double number) {
    prometheus::ClientMetric metric;
    metric.label = {{label, value}};
    metric.gauge.value = number;
    family_.metric.push_back(std::move(metric));
  }
  prometheus::MetricFamily family() && { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
};

}  // namespace

FarmMetrics::FarmMetrics()
    : trials_(CounterOf(registry_, "trials_total", "Trials recorded, by outcome")),
      late_(CounterOf(registry_, "late_trials_total", "Trials recorded after their lease")),
      lost_(CounterOf(registry_, "lost_leases_total", "Leases that were not renewed")),
      faults_(CounterOf(registry_, "worker_faults_total", "Workers' own failures")),
      conflicts_(CounterOf(registry_, "conflicts_total", "Second results that differed")),
      busy_(CounterOf(registry_, "device_busy_seconds_total", "Life of runners on devices")),
      commit_failures_(CounterOf(registry_, "commit_failures_total", "Transactions that failed")),
      dispatch_(HistogramOf(registry_, "dispatch_seconds", "From a trial's wait to its lease")),
      commit_(HistogramOf(registry_, "commit_seconds", "One durable transaction")) {
  commit_failures_.Add({});
}

const FarmMetrics::OfKey& FarmMetrics::Of(const std::string& key) {
  std::lock_guard lock(mutex_);
  if (const auto known = keys_.find(key); known != keys_.end()) return known->second;
  const std::string label = keys_.size() < kMostLabels ? key : "other";
  return keys_
      .try_emplace(label, OfKey{.label = label,
                                .timed = trials_.Add({{"key", label}, {"outcome", "ok"}}),
                                .busy = busy_.Add({{"key", label}}),
                                .dispatch = dispatch_.Add({{"key", label}}, DispatchBounds())})
      .first->second;
}

void FarmMetrics::OnLeased(const AttemptView& attempt, double waited) {
  Of(attempt.worker.device_key).dispatch.Observe(waited);
}

void FarmMetrics::OnRecorded(const AttemptView& attempt, const Measured& measured, bool late) {
  const OfKey& of = Of(attempt.worker.device_key);
  if (std::holds_alternative<Timing>(measured.outcome)) {
    of.timed.Increment();
  } else {
    trials_.Add({{"key", of.label}, {"outcome", OutcomeName(measured.outcome)}}).Increment();
  }
  of.busy.Increment(measured.run_seconds);
  if (late) late_.Add({{"key", of.label}}).Increment();
}

void FarmMetrics::OnLost(const AttemptView& attempt) {
  lost_.Add({{"key", LabelOf(attempt.worker.device_key)}}).Increment();
}

void FarmMetrics::OnFault(const AttemptView& attempt, const std::string&, bool) {
  faults_.Add({{"key", LabelOf(attempt.worker.device_key)}}).Increment();
}

void FarmMetrics::OnConflict(const AttemptView& attempt) {
  conflicts_.Add({{"key", LabelOf(attempt.worker.device_key)}}).Increment();
}

void FarmMetrics::OnSessionOpened(const WorkerInfo& worker) {
  const std::string key = LabelOf(worker.device_key);
  for (auto* counter : {&late_, &lost_, &faults_, &conflicts_}) counter->Add({{"key", key}});
}

void FarmMetrics::OnCommit(double seconds, const absl::Status& status) {
  commit_.Add({}, CommitBounds()).Observe(seconds);
  if (!status.ok()) commit_failures_.Add({}).Increment();
}

std::string FarmMetrics::Text(const FarmGauges& now) {
  GaugeText depth("queue_depth", "Trials waiting for a lease"), slots("slots", "Device slots"),
      free("free_slots", "Device slots without a trial"),
      wanted("wanted_trials", "Trials that unfinished jobs still have to run"),
      workers("workers", "Open sessions");
  for (const FarmGauges::Key& key : now.keys) {
    const std::string label = LabelOf(key.key);
    depth.Add("key", label, key.pending);
    slots.Add("key", label, key.total);
    free.Add("key", label, key.free);
    wanted.Add("key", label, key.wanted);
  }
  for (const auto& [health, count] : now.workers) workers.Add("health", health, count);
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  for (GaugeText* gauge : {&depth, &slots, &free, &wanted, &workers}) {
    families.push_back(std::move(*gauge).family());
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace tilewright
