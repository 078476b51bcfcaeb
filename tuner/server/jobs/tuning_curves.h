// How a job came to its bests: the points where they change. Value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/tilewright.pb.h"

namespace tilewright {

// Of bounded size, however long the job: above kMostPoints every second point of each curve is left
// out, never the first and the last.
class TuningCurves {
 public:
  static constexpr size_t kMostPoints = 5000;

  struct Point {
    uint64_t trial = 0;  // of the job
    double value = 0;    // from this trial on
    friend bool operator==(const Point&, const Point&) = default;
  };
  using Curve = std::vector<Point>;
  struct TaskCurve {
    std::string workload;
    Curve gflops;  // of the best config
  };

  // In the order of the events; those that are no trials change nothing.
  void Add(const v1::JobEvent& event);

  const std::map<uint32_t, TaskCurve>& tasks() const { return tasks_; }  // by position in the job
  // Predicted seconds of the whole model.
  const Curve& model() const { return model_; }

 private:
  void Append(Curve& curve, const Point& point);
  void Thin(Curve& curve);

  std::map<uint32_t, TaskCurve> tasks_;
  Curve model_;
  size_t points_ = 0;  // of all curves
};

}  // namespace tilewright
