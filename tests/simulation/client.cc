#include "tests/simulation/client.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

constexpr double kAnswerSeconds = 20;
constexpr size_t kEventsAtOnce = 50;

// As WatchJob gives them: the newest from memory, older ones from the journal.
absl::StatusOr<std::vector<v1::JobEvent>> EventsOf(Job& job, uint64_t seen) {
  const EventLog& log = job.events();
  std::vector<v1::JobEvent> events;
  while (events.size() < kEventsAtOnce) {
    std::optional<v1::JobEvent> event = log.Recent(seen + events.size() + 1);
    if (!event) break;
    events.push_back(*std::move(event));
  }
  const bool older = seen < log.count() || (log.ended() && log.count() == 0);
  if (!events.empty() || !older) return events;
  const absl::Status told = job.Retell(seen + 1, [&](const v1::JobEvent& event) {
    events.push_back(event);
    return events.size() < kEventsAtOnce;
  });
  if (!told.ok()) return told;
  return events;
}

}  // namespace

void SimulatedClient::Submit(const v1::JobSpec& spec, uint32_t weight) {
  Watched job;
  job.submission = {.spec = spec, .owner = name_, .weight = weight, .is_private = true};
  job.submission.request = absl::StrCat(name_, "-", ++requests_);
  jobs_.push_back(std::move(job));
  Send(jobs_.size() - 1);
}

void SimulatedClient::Send(size_t job) {
  using Reply = absl::StatusOr<std::string>;
  const auto serve = [submission = jobs_[job].submission, around = around_](
                         Farm& farm, const std::function<void(Reply)>& answer) {
    const auto made = farm.jobs().Submit(submission);
    if (!made.ok()) return answer(made.status());
    if (around.server.Alive()()) {
      around.witness.OnSubmitted((*made)->id());
      if (!(*made)->ended()) around.rules.OnJobBegun((*made)->id());
    }
    answer((*made)->id());
  };
  const auto take = [this, job](std::optional<Reply> reply) {
    if (!reply || !reply->ok()) {
      return around_.world.After(around_.world.Uniform(0.5, 5), [this, job] { Send(job); });
    }
    jobs_[job].id = **reply;
    if (!std::exchange(jobs_[job].watching, true)) Watch(job);
  };
  around_.network.Call<Reply>(link_, kAnswerSeconds, serve, take);
}

void SimulatedClient::Watch(size_t job) {
  using Reply = absl::StatusOr<std::vector<v1::JobEvent>>;
  const auto serve = [id = jobs_[job].id, seen = jobs_[job].seen, around = around_](
                         Farm& farm, const std::function<void(Reply)>& answer) {
    const auto found = farm.jobs().Find(id, "");
    if (!found.ok()) return answer(found.status());
    Reply events = EventsOf(**found, seen);
    if (events.ok() && around.server.Alive()()) {
      for (const v1::JobEvent& event : *events) around.witness.OnEvent(id, event);
    }
    answer(std::move(events));
  };
  const auto take = [this, job](std::optional<Reply> r) { OnEvents(job, std::move(r)); };
  around_.network.Call<Reply>(link_, kAnswerSeconds, serve, take);
}

void SimulatedClient::OnEvents(size_t job,
                               std::optional<absl::StatusOr<std::vector<v1::JobEvent>>> events) {
  Watched& watched = jobs_[job];
  if (events && absl::IsNotFound(events->status())) {
    around_.witness.Violate("job " + watched.id + " was acknowledged and is not known");
  }
  if (events && events->ok()) {
    for (const v1::JobEvent& event : **events) {
      watched.seen = event.sequence();
      watched.ended = IsEnd(event.state());
    }
  }
  if (settles_ && watched.ended) return;
  if (settles_) Ask(job, Wish::kResume);
  around_.world.After(around_.world.Uniform(1, 6), [this, job] { Watch(job); });
}

void SimulatedClient::Ask(size_t job, Wish wish) {
  using Reply = absl::Status;
  const auto serve = [id = jobs_[job].id, wish, around = around_](
                         Farm& farm, const std::function<void(Reply)>& answer) {
    if (wish == Wish::kResume) around.witness.OnPaused(id, false);
    if (wish == Wish::kPause) around.rules.OnJobPaused(id);  // even if it cannot be stored
    const absl::Status done = wish == Wish::kCancel
                                  ? farm.jobs().Cancel(id, "").status()
                                  : farm.jobs().SetPaused(id, "", wish == Wish::kPause);
    if (done.ok() && around.server.Alive()()) {
      around.world.Tell(absl::StrCat(id, " wish ", static_cast<int>(wish)));
      if (wish == Wish::kCancel) around.witness.OnCancelled(id);
      if (wish == Wish::kPause) around.witness.OnPaused(id, true);
    }
    answer(done);
  };
  around_.network.Call<Reply>(link_, kAnswerSeconds, serve, [](const std::optional<Reply>&) {});
}

void SimulatedClient::Meddle() {
  if (jobs_.empty() || settles_) return;
  const size_t job = around_.world.rng().Below(jobs_.size());
  if (jobs_[job].id.empty()) return;
  switch (around_.world.rng().Below(8)) {
    case 0: return Ask(job, Wish::kCancel);
    case 1:
    case 2: return Ask(job, Wish::kPause);
    case 3:
      if (!std::exchange(jobs_[job].ended, false)) return;
      jobs_[job].submission.request = absl::StrCat(name_, "-", ++requests_);
      return Send(job);
    default: return Ask(job, Wish::kResume);
  }
}

void SimulatedClient::Settle() {
  settles_ = true;
  for (size_t job = 0; job < jobs_.size(); ++job) {
    if (jobs_[job].watching) Watch(job);
  }
}

bool SimulatedClient::IsDone() const {
  for (const Watched& job : jobs_) {
    if (!job.ended) return false;
  }
  return true;
}

}  // namespace tilewright
