#include "records/lookup/network_choices.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "compiler/templates/template.h"
#include "records/lookup/finalists.h"
#include "records/lookup/fit.h"
#include "records/lookup/model_lookup.h"
#include "records/run_id.h"

namespace tilewright {
namespace {

// Configs of a layer that are tried beside the default.
constexpr size_t kMostOthers = 3;

void AddOption(LayerOption option, std::vector<LayerOption>* options) {
  const bool known = std::find(options->begin(), options->end(), option) != options->end();
  if (!known && options->size() <= kMostOthers) options->push_back(std::move(option));
}

absl::StatusOr<LayerOption> InTodaysSpace(const Record& record, const Task& task) {
  TW_ASSIGN_OR_RETURN(const Template* found, FindTemplate(record.task.template_name));
  TW_ASSIGN_OR_RETURN(Config config,
                      found->Space(task.workload, task.target).Canonical(record.config));
  return LayerOption{record.task.template_name, std::move(config)};
}

// What look-ups give now, if it is not the default, then the finalists.
absl::StatusOr<std::vector<Record>> OthersOf(const RecordStore& store, const Task& task,
                                             const ChoiceQuestion& question, LayerChoice* choice) {
  const ModelLookup wanted{.workloads = {task.workload},
                           .target = task.target,
                           .device_key = question.device_key,
                           .threads = question.threads,
                           .exact = question.exact};
  TW_ASSIGN_OR_RETURN(const std::vector<FoundConfig> now, LookUpModel(store, wanted));
  std::vector<Record> others;
  const std::optional<Record>& found = now.front().found.record;
  if (found && !now.front().keeps_default) others.push_back(*found);
  const LookupOptions options{
      .threads = question.threads,
      .device_key = question.device_key,
      .why_unfit = [exact = question.exact](const Task& t, const Config& c) {
        return WhyUnfit(t, c, exact);
      }};
  TW_ASSIGN_OR_RETURN(const std::vector<Record> finalists,
                      Finalists(store, task, kMostOthers, options));
  if (!finalists.empty()) choice->build_seconds = finalists.front().build_seconds;
  others.insert(others.end(), finalists.begin(), finalists.end());
  return others;
}

absl::StatusOr<LayerChoice> ChoiceOf(const RecordStore& store, const TunedLayer& layer,
                                     const ChoiceQuestion& question) {
  const Task task{layer.workload, "", question.target};
  LayerChoice choice{.workload = layer.workload, .count = layer.count};
  const std::optional<TemplateEntry> untuned =
      UntunedTemplate(task.workload, task.target, question.exact);
  if (!untuned) return choice;
  choice.options.push_back({untuned->name, untuned->impl->Default(task.workload, task.target)});
  TW_ASSIGN_OR_RETURN(const auto others, OthersOf(store, task, question, &choice));
  for (const Record& other : others) {
    TW_ASSIGN_OR_RETURN(LayerOption option, InTodaysSpace(other, task));
    AddOption(std::move(option), &choice.options);
  }
  return choice;
}

// Logs carry it beside the config.
uint64_t IndexInSpace(const Task& task, const Config& config) {
  const absl::StatusOr<const Template*> found = FindTemplate(task.template_name);
  TW_CHECK(found.ok()) << found.status().message();
  const absl::StatusOr<uint64_t> index =
      (*found)->Space(task.workload, task.target).IndexOf(config);
  TW_CHECK(index.ok()) << index.status().message();
  return *index;
}

}  // namespace

absl::StatusOr<std::vector<LayerChoice>> NetworkChoices(const RecordStore& store,
                                                        const ChoiceQuestion& question) {
  std::map<std::string, LayerChoice> by_key;
  for (const TunedLayer& layer : question.layers) {
    TW_ASSIGN_OR_RETURN(LayerChoice choice, ChoiceOf(store, layer, question));
    if (choice.options.size() > 1) by_key.emplace(layer.workload.Key(), std::move(choice));
  }
  std::vector<LayerChoice> choices;
  for (auto& [key, choice] : by_key) choices.push_back(std::move(choice));
  return choices;
}

Record DecisionRecord(const LayerChoice& choice, size_t option, Timing timing,
                      const TimedNetwork& where) {
  const LayerOption& decided = choice.options[option];
  Record record{.task = {choice.workload, decided.template_name, where.target},
                .config = decided.config};
  record.index = IndexInSpace(record.task, record.config);
  record.outcome = std::move(timing);
  record.device_key = where.device_key;
  record.device = where.device;
  record.worker = where.worker;
  record.job = where.job;
  record.threads = where.threads;
  record.unix_time = where.unix_time;
  record.software = where.software;
  record.record_class = kInNetworkClass;
  record.run_id =
      absl::StrCat("in-network ", where.job, " ", static_cast<int64_t>(where.unix_time * 1e6), " ",
                   HashOfText(choice.workload.Key()));
  return record;
}

}  // namespace tilewright
