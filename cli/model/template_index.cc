#include "cli/model/template_index.h"

#include <iostream>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "cli/arguments.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

std::optional<BestConfig> MeasuredDefault(const Workload& workload, const Target& target,
                                          bool exact) {
  const std::optional<TemplateEntry> untuned = UntunedTemplate(workload, target, exact);
  if (!untuned) return std::nullopt;
  return BestConfig{untuned->name, untuned->impl->Default(workload, target)};
}

bool IsOfAnotherDevice(const LookupResult& found) {
  return found.how.starts_with("fallback") || absl::EndsWith(found.how, kOfAnotherDevice);
}

}  // namespace

void AddLookupOptions(CLI::App* verb, ModelLookup* wanted) {
  verb->add_option("--threads", wanted->threads,
                   "that it will run with: records of kernels timed with as many are used")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb->add_option("--key", wanted->device_key,
                   "records of devices of this key; those of other devices of the target only for "
                   "layers of which it has none")
      ->check(OneLine());
}

std::optional<BestConfig> ConfigOf(const FoundConfig& one, const Task& task, bool exact,
                                   std::set<std::string>* told) {
  for (const std::string& passed_over : one.found.passed_over) {
    std::cerr << "warning: " << passed_over << "\n";
  }
  if (!one.found.record) return std::nullopt;
  if (IsOfAnotherDevice(one.found) && told->insert(one.found.how).second) {
    std::cerr << "note: where this device has no record, another's is used (" << one.found.how
              << "); tilewright explain shows where\n";
  }
  if (one.keeps_default) return MeasuredDefault(task.workload, task.target, exact);
  const Record& record = *one.found.record;
  return BestConfig{record.task.template_name, record.config,
                    MedianSeconds(record.outcome).value_or(0), record.run_id};
}

ConfigLookup LookupAmong(const ModelLookup& wanted, const std::vector<FoundConfig>& found) {
  std::map<std::string, FoundConfig> by_key;
  for (size_t i = 0; i < found.size(); ++i) {
    by_key.emplace(wanted.workloads[i].Key(), found[i]);
  }
  const auto told = std::make_shared<std::set<std::string>>();
  return [by_key = std::move(by_key), exact = wanted.exact, told](
             const Workload& workload,
             const Target& target) -> absl::StatusOr<std::optional<BestConfig>> {
    const auto at = by_key.find(workload.Key());
    if (at == by_key.end()) return std::nullopt;
    return ConfigOf(at->second, {workload, "", target}, exact, told.get());
  };
}

ConfigLookup LookupIn(const RecordStore& store, bool exact, int threads) {
  const auto told = std::make_shared<std::set<std::string>>();
  return [&store, exact, threads, told](
             const Workload& workload,
             const Target& target) -> absl::StatusOr<std::optional<BestConfig>> {
    const ModelLookup wanted{
        .workloads = {workload}, .target = target, .threads = threads, .exact = exact};
    TW_ASSIGN_OR_RETURN(const std::vector<FoundConfig> found, LookUpModel(store, wanted));
    return ConfigOf(found.front(), {workload, "", target}, exact, told.get());
  };
}

}  // namespace tilewright
