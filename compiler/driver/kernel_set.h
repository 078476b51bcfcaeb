// The lowered tasks of a model: one for each different node, shared by equal ones. Used by
// CompileModel.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/driver/compile_model.h"
#include "compiler/templates/template.h"

namespace tilewright {

class KernelSet {
 public:
  // `options` must outlive the set.
  explicit KernelSet(const CompileModelOptions& options) : options_(options) {}

  // The index of the node's task in tasks(): scheduled by the best record, else by a template's
  // default, else by the fixed schedule. Unless the weights are constants, what would be prepared
  // from them is a step of every run. Internal when a schedule does not verify.
  absl::StatusOr<size_t> Add(const Node& node, bool constant_weights);

  // Arguments are the node's inputs, then its output. Names of all programs differ.
  const std::vector<LoweredTask>& tasks() const { return tasks_; }
  // Of the steps that run each time.
  std::vector<Program> Programs() const;
  // Keys of tunable workloads that no record was found for, in order of first appearance.
  const std::vector<std::string>& untuned() const { return untuned_; }
  // Run ids of the records that chose configs.
  const std::set<std::string>& records() const { return records_; }

 private:
  absl::StatusOr<LoweredTask> Schedule(const Node& node);
  absl::StatusOr<LoweredTask> ScheduleWorkload(const Node& node);
  absl::StatusOr<LoweredTask> LowerBy(const TemplateEntry& entry, const Config& config,
                                      const Workload& workload) const;
  absl::Status NameAndVerify(const Node& node, std::vector<LoweredStep>& steps);

  const CompileModelOptions& options_;
  std::vector<LoweredTask> tasks_;
  size_t named_ = 0;  // programs
  std::vector<std::string> untuned_;
  std::set<std::string> records_;
  std::unordered_map<std::string, size_t> by_key_;
};

}  // namespace tilewright
