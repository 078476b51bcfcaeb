// The programs of a model: one for each different node, shared by equal ones. Used by CompileModel.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/driver/compile_model.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

class KernelSet {
 public:
  // `options` must outlive the set.
  explicit KernelSet(const CompileModelOptions& options) : options_(options) {}

  // The index of the node's program in programs(): scheduled by the best record, else by a
  // template's default, else by the fixed schedule. Internal when a schedule does not verify.
  absl::StatusOr<size_t> Add(const Node& node);

  const std::vector<Program>& programs() const { return programs_; }
  // Keys of tunable workloads that no record was found for, in order of first appearance.
  const std::vector<std::string>& untuned() const { return untuned_; }

 private:
  absl::StatusOr<Program> Schedule(const Node& node);
  absl::StatusOr<Program> ScheduleWorkload(const Node& node);

  const CompileModelOptions& options_;
  std::vector<Program> programs_;
  std::vector<std::string> untuned_;
  std::unordered_map<std::string, size_t> by_key_;
};

}  // namespace tilewright
