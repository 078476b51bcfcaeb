// What a worker knows of its own state, and tells its server. Thread-safe.
#pragma once

#include <mutex>
#include <string>

namespace tilewright {

class Health {
 public:
  struct View {
    bool good = true;
    std::string reason;       // why it is not
    int faults_in_a_row = 0;  // without a measurement between them
  };

  View Get() const {
    std::lock_guard lock(mutex_);
    return view_;
  }
  // False: it was bad already.
  bool SetBad(std::string reason) {
    std::lock_guard lock(mutex_);
    if (!view_.good) return false;
    view_ = {false, std::move(reason), view_.faults_in_a_row + 1};
    return true;
  }
  void SetGood() {
    std::lock_guard lock(mutex_);
    view_ = {true, "", view_.faults_in_a_row};
  }
  void Measured() {
    std::lock_guard lock(mutex_);
    view_.faults_in_a_row = 0;
  }

 private:
  mutable std::mutex mutex_;
  View view_;
};

}  // namespace tilewright
