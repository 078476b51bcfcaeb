#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "compiler/core/kernel.h"
#include "compiler/templates/template.h"

namespace tilewright {

#define ENTRY(stem) const Template& stem();
#include "templates.inc"
#undef ENTRY

namespace {

// conv2d_nchwc_cpu -> conv2d_nchwc.cpu
std::string PublicName(std::string stem) {
  stem[stem.rfind('_')] = '.';
  return stem;
}

}  // namespace

double Template::Tolerance(const Workload&, const Config&) const { return kDirectTolerance; }

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

}  // namespace tilewright
