// Keeps the best usable record of each target and workload, in order of first appearance.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "records/record.h"

namespace tilewright {

class BestOfEach {
 public:
  // Of equally fast records the first stays; unusable ones are passed over.
  void Add(const Record& record);
  const std::vector<Record>& records() const { return records_; }

 private:
  std::map<std::string, size_t> places_;  // target and workload -> position in records_
  std::vector<Record> records_;
};

}  // namespace tilewright
