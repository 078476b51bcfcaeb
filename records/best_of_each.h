// Keeps the measurements of each target and workload and finds the best, by the rule of
// RecordStore::Best.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "records/record.h"

namespace tilewright {

class BestOfEach {
 public:
  // `by_device`: measurements on other models of device are another group, so that each has its
  // best; targets do not always name the model.
  explicit BestOfEach(bool by_device = false) : by_device_(by_device) {}
  // Unusable records are passed over.
  void Add(const Record& record);
  // The best of each target and workload, in order of first appearance.
  std::vector<Record> Records() const;
  // Every config, as the record with its middle time, the fastest first.
  std::vector<Record> Configs() const;

 private:
  // Template and config -> its measurements, oldest first.
  using Measurements = std::map<std::string, std::vector<Record>>;

  bool by_device_;
  std::map<std::string, size_t> places_;  // target and workload -> position in groups_
  std::vector<Measurements> groups_;
};

}  // namespace tilewright
