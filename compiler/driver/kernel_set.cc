#include "compiler/driver/kernel_set.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"
#include "compiler/loop/visit.h"
#include "compiler/schedule/fixed.h"
#include "compiler/schedule/fixed_gpu.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

// Gives the variables of a definition and of its stages names by their place, after `prefix`;
// `renamed` takes the old ones.
void RenameVariables(const std::string& prefix, Compute* compute, Substitution* renamed) {
  const auto rename = [&](Expr* var, const std::string& name) {
    const Expr fresh = Var(prefix + name, (*var)->dtype);
    (*renamed)[var->get()] = fresh;
    *var = fresh;
  };
  for (size_t i = 0; i < compute->axes.size(); ++i) {
    rename(&compute->axes[i].var, absl::StrCat("a", i));
  }
  for (size_t i = 0; i < compute->reduce.size(); ++i) {
    rename(&compute->reduce[i].var, absl::StrCat("r", i));
  }
  if (compute->acc != nullptr) rename(&compute->acc, "acc");
  for (size_t i = 0; i < compute->stages.size(); ++i) {
    RenameVariables(absl::StrCat(prefix, "s", i), &compute->stages[i], renamed);
  }
}

void SubstituteIn(const Substitution& renamed, Compute* compute) {
  for (Expr* e : {&compute->body, &compute->predicate, &compute->result}) {
    if (*e != nullptr) *e = Substitute(*e, renamed);
  }
  for (Compute& stage : compute->stages) SubstituteIn(renamed, &stage);
}

// The same definition with the names a0, a1, ..., r0, r1, ..., so that equal ones print equally.
Compute Canonical(const Compute& old) {
  Compute compute = old;
  compute.name = "kernel";
  // The old variables stay alive in `old` until all is rewritten.
  Substitution renamed;
  RenameVariables("", &compute, &renamed);
  SubstituteIn(renamed, &compute);
  return compute;
}

LoweredTask ScheduleUntunable(const Compute& compute, const Target& target) {
  LoweredTask task =
      SingleStep(IsGpu(target) ? ScheduleFixedGpu(compute) : ScheduleFixed(compute, target));
  if (!compute.stages.empty()) task.schedule = "rows";
  return task;
}

std::string LabelOf(const Node& node) {
  return node.workload ? OperatorText(*node.workload) : node.op;
}

// "conv2d+bias+relu" as a C identifier that no library function bears.
std::string SymbolOf(const Node& node, size_t index) {
  std::string symbol = "tw_";
  for (char c : LabelOf(node)) {
    symbol += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  }
  return absl::StrCat(symbol, "_", index);
}

}  // namespace

absl::StatusOr<size_t> KernelSet::Add(const Node& node, bool constant_weights) {
  const std::string key =
      node.workload && !options_.reference
          ? absl::StrCat(node.workload->Key(), constant_weights ? "" : " of a run")
          : Print(LowerPlain(Canonical(node.compute)));
  const auto [at, fresh] = by_key_.emplace(key, tasks_.size());
  if (!fresh) return at->second;
  TW_ASSIGN_OR_RETURN(LoweredTask task, Schedule(node));
  if (!constant_weights) {
    std::swap(task.prepare, task.steps);
    std::move(task.prepare.begin(), task.prepare.end(), std::back_inserter(task.steps));
    task.prepare.clear();
  }
  TW_RETURN_IF_ERROR(NameAndVerify(node, task.prepare));
  TW_RETURN_IF_ERROR(NameAndVerify(node, task.steps));
  tasks_.push_back(std::move(task));
  return at->second;
}

absl::Status KernelSet::NameAndVerify(const Node& node, std::vector<LoweredStep>& steps) {
  for (LoweredStep& step : steps) {
    step.program.name = SymbolOf(node, named_++);
    if (absl::Status status = Verify(step.program); !status.ok()) {
      return absl::InternalError(
          absl::StrCat("schedule of ", node.name, " (", LabelOf(node), "): ", status.message()));
    }
  }
  return absl::OkStatus();
}

std::vector<Program> KernelSet::Programs() const {
  std::vector<Program> programs;
  for (const LoweredTask& task : tasks_) {
    for (const LoweredStep& step : task.steps) programs.push_back(step.program);
  }
  return programs;
}

absl::StatusOr<LoweredTask> KernelSet::Schedule(const Node& node) {
  if (options_.reference) return SingleStep(LowerPlain(node.compute));
  if (node.workload) return ScheduleWorkload(node);
  return ScheduleUntunable(node.compute, options_.target);
}

absl::StatusOr<LoweredTask> KernelSet::ScheduleWorkload(const Node& node) {
  const Workload& workload = *node.workload;
  const Target& target = options_.target;
  if (options_.lookup) {
    TW_ASSIGN_OR_RETURN(const auto best, options_.lookup(workload, target));
    if (best) {
      // A record of a template or space that is no more says nothing: the workload is untuned.
      const absl::StatusOr<const Template*> found = FindTemplate(best->template_name);
      const bool allowed = found.ok() && ((*found)->Exact(workload) || !options_.exact);
      if (allowed && (*found)->Matches(workload, target)) {
        const absl::StatusOr<Config> config =
            (*found)->Space(workload, target).Canonical(best->config);
        if (config.ok()) {
          if (!best->record.empty()) records_.insert(best->record);
          return LowerBy({best->template_name, *found}, *config, workload);
        }
      }
    }
  }
  const std::optional<TemplateEntry> untuned = UntunedTemplate(workload, target, options_.exact);
  if (!untuned) return ScheduleUntunable(node.compute, target);
  untuned_.push_back(workload.Key());
  return LowerBy(*untuned, untuned->impl->Default(workload, target), workload);
}

absl::StatusOr<LoweredTask> KernelSet::LowerBy(const TemplateEntry& entry, const Config& config,
                                               const Workload& workload) const {
  TW_ASSIGN_OR_RETURN(LoweredTask task, entry.impl->Lower(workload, options_.target, config));
  task.schedule = entry.name;
  return task;
}

}  // namespace tilewright
