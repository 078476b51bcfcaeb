// The events of a job: the newest in memory, those who watch told of new ones. Older ones are told
// again from the journal (Job::Retell). Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "proto/tilewright.pb.h"

namespace tilewright {

class EventLog {
 public:
  // Gives it the next number.
  void Add(v1::JobEvent event);
  // So many happened in earlier lives; they are not kept. REQUIRES: before Add.
  void SetCount(uint64_t count);
  // It ended, and the number of its events is not known: they are only in the journal.
  void SetEnded();
  // Keeps only the last event: the others are rarely asked for.
  void Shrink();
  // Nothing more will come from this server.
  void Close();

  uint64_t count() const;
  bool closed() const;
  // The last event is one of its end, or SetEnded.
  bool ended() const;
  // The event with this number; nullopt: it is older than what is kept, or has not happened.
  std::optional<v1::JobEvent> Recent(uint64_t sequence) const;

  // `notify` is called after each event, until Unwatch returns. It must not block.
  uint64_t Watch(std::function<void()> notify);
  void Unwatch(uint64_t watch);

 private:
  void Notify();

  mutable std::mutex mutex_;
  uint64_t count_ = 0;
  std::deque<v1::JobEvent> recent_;
  bool closed_ = false, ended_ = false;
  std::mutex watch_mutex_;  // held while notifying
  std::map<uint64_t, std::function<void()>> watches_;
  uint64_t next_watch_ = 1;
};

}  // namespace tilewright
