#include "tuner/loop/tune.h"

#include "base/check.h"
#include "tuner/loop/tuning.h"

namespace tilewright {
namespace {

class NoMeasurer final : public Measurer {
 public:
  void Measure(const MeasureRequest&, Done) override {
    TW_CHECK(false) << "nothing is measured when a job is retold";
  }
  size_t PreferredInFlight() const override { return 0; }
};

class NoClock final : public Clock {
 public:
  double Now() const override { return 0; }
  double UnixTime() const override { return 0; }
};

}  // namespace

std::string_view NameOf(TuneEnd end) {
  switch (end) {
    case TuneEnd::kBudget: return "budget";
    case TuneEnd::kTime: return "time";
    case TuneEnd::kEarlyStopping: return "early_stopping";
    case TuneEnd::kExhausted: return "exhausted";
    case TuneEnd::kNoSuccess: return "no_success";
    case TuneEnd::kCancelled: return "cancelled";
    case TuneEnd::kFarm: return "farm";
  }
  return "unknown";
}

TuneResult TuneModel(TuneJob job, Measurer& measurer, const Clock& clock) {
  return Tuning(std::move(job), measurer, clock).Run();
}

void RetellJob(TuneJob job) {
  for (TuneItem& item : job.items) item.searcher = nullptr;
  NoMeasurer measurer;
  const NoClock clock;
  Tuning(std::move(job), measurer, clock).Replay();
}

}  // namespace tilewright
