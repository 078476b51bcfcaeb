#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "compiler/core/kernel.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/template.h"

namespace tilewright {

#define ENTRY(stem) const Template& stem();
#include "templates.inc"
#undef ENTRY

namespace {

// conv2d_nchwc_cpu -> conv2d_nchwc.cpu; tutorial_conv2d_no_batching -> tutorial/conv2d_no_batching
std::string PublicName(std::string stem) {
  const bool tutorial = stem.starts_with("tutorial_");
  stem[tutorial ? stem.find('_') : stem.rfind('_')] = tutorial ? '/' : '.';
  return stem;
}

}  // namespace

double Template::Tolerance(const Workload&, const Config&) const { return kDirectTolerance; }

double Template::Cost(const Workload& w, const Target& target) const {
  const double weights = static_cast<double>(NumBytes(ArgumentTypes(w)[1]));
  return MemoryBoundCost(Flops(w) / 2 / VectorLanes(target), weights);
}

const std::vector<TemplateEntry>& Templates() {
  static const auto* entries = new std::vector<TemplateEntry>{
#define ENTRY(stem) {PublicName(#stem), &stem()},
#include "templates.inc"
#undef ENTRY
  };
  return *entries;
}

absl::StatusOr<const Template*> FindTemplate(std::string_view name) {
  for (const TemplateEntry& entry : Templates()) {
    if (entry.name == name) return entry.impl;
  }
  return absl::NotFoundError(absl::StrCat(
      "unknown template \"", Sv(name), "\"; known: ",
      absl::StrJoin(Templates(), ", ", [](std::string* out, const TemplateEntry& entry) {
        out->append(entry.name);
      })));
}

std::vector<TemplateEntry> MatchingTemplates(const Workload& workload, const Target& target) {
  std::vector<TemplateEntry> matching;
  for (const TemplateEntry& entry : Templates()) {
    if (entry.impl->Matches(workload, target)) matching.push_back(entry);
  }
  return matching;
}

std::optional<TemplateEntry> UntunedTemplate(const Workload& workload, const Target& target,
                                             bool exact) {
  constexpr double kInexactMargin = 1.25;
  std::optional<TemplateEntry> best;
  double least = 0;
  for (const TemplateEntry& entry : MatchingTemplates(workload, target)) {
    if (exact && !entry.impl->Exact(workload)) continue;
    const double cost =
        entry.impl->Cost(workload, target) * (entry.impl->Exact(workload) ? 1 : kInexactMargin);
    if (best && cost >= least) continue;
    best = entry;
    least = cost;
  }
  return best;
}

}  // namespace tilewright
