#include "compiler/targets/support/llvm_target.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

namespace tilewright {
namespace {

// Features that change which instructions our kernels use; the rest (pku, sgx, ...) never matter.
constexpr const char* kVectorFeatures[] = {"avx",   "sse",    "ssse",  "fma",  "f16c", "bmi",
                                           "lzcnt", "popcnt", "movbe", "gfni", "xop",  "tbm"};

void InitializeLlvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
  });
}

std::string TripleOf(const Target& target) {
  return target.mtriple.empty() ? llvm::sys::getDefaultTargetTriple()
                                : llvm::Triple::normalize(target.mtriple);
}

bool IsThisArchitecture(const Target& target) {
  return target.mtriple.empty() || llvm::Triple(TripleOf(target)).getArch() ==
                                       llvm::Triple(llvm::sys::getDefaultTargetTriple()).getArch();
}

absl::StatusOr<const llvm::Target*> FindLlvmTarget(const Target& target) {
  InitializeLlvm();
  std::string error;
  const std::string triple = TripleOf(target);
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "unknown triple \"", target.mtriple, "\"; try x86_64-linux-gnu or aarch64-linux-gnu"));
  }
  if (!llvm::Triple(triple).isOSBinFormatELF()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "triple \"", target.mtriple, "\" does not use ELF files; try x86_64-linux-gnu"));
  }
  return found;
}

absl::StatusOr<std::unique_ptr<llvm::MCSubtargetInfo>> Subtarget(const Target& target,
                                                                 const std::string& cpu,
                                                                 const std::string& mattr = "") {
  absl::StatusOr<const llvm::Target*> llvm_target = FindLlvmTarget(target);
  if (!llvm_target.ok()) return llvm_target.status();
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      (*llvm_target)->createMCSubtargetInfo(TripleOf(target), cpu, mattr));
}

// The names of `table` nearest to `wrong`, at most six.
template <typename Table>
std::string NearNames(const Table& table, llvm::StringRef wrong) {
  std::vector<std::pair<unsigned, std::string>> names;
  for (const auto& row : table) {
    const llvm::StringRef name = row.Key;
    const bool related = name.contains(wrong) || wrong.contains(name);
    names.emplace_back(related ? 1 : name.edit_distance(wrong), name.str());
  }
  std::sort(names.begin(), names.end());
  names.resize(std::min<size_t>(names.size(), 6));
  return absl::StrJoin(
      names, ", ", [](std::string* out, const auto& name) { absl::StrAppend(out, name.second); });
}

absl::Status CheckFeatures(const llvm::MCSubtargetInfo& subtarget, const std::string& mattr) {
  for (absl::string_view feature : absl::StrSplit(mattr, ',', absl::SkipEmpty())) {
    const bool sign = feature[0] == '+' || feature[0] == '-';
    const llvm::StringRef name(feature.data() + (sign ? 1 : 0), feature.size() - (sign ? 1 : 0));
    const auto& known = subtarget.getAllProcessorFeatures();
    const bool found =
        std::any_of(known.begin(), known.end(), [&](const auto& row) { return name == row.Key; });
    if (!sign || !found) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown feature \"", feature,
                       "\" in -mattr; write +name or -name; near: ", NearNames(known, name)));
    }
  }
  return absl::OkStatus();
}

// "-avx512f,..." for what the CPU has by name but this (virtual) machine does not show.
std::vector<std::string> HiddenFeatures(const llvm::MCSubtargetInfo& subtarget) {
  std::vector<std::string> hidden;
  const auto host = llvm::sys::getHostCPUFeatures();
  for (const llvm::SubtargetFeatureKV& feature : subtarget.getEnabledProcessorFeatures()) {
    const auto shown = host.find(feature.Key);
    if (shown == host.end() || shown->second) continue;
    for (const char* prefix : kVectorFeatures) {
      if (!absl::StartsWith(feature.Key, prefix)) continue;
      hidden.push_back(absl::StrCat("-", feature.Key));
      break;
    }
  }
  std::sort(hidden.begin(), hidden.end());
  return hidden;
}

}  // namespace

absl::StatusOr<Target> ResolveCpu(const Target& target) {
  Target resolved = target;
  const bool native = target.mcpu.empty() || target.mcpu == "native";
  const bool here = IsThisArchitecture(target);
  if (native) resolved.mcpu = here ? llvm::sys::getHostCPUName().str() : "generic";
  TW_ASSIGN_OR_RETURN(const auto any, Subtarget(target, ""));
  if (!any->isCPUStringValid(resolved.mcpu)) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown CPU \"", target.mcpu, "\" for ", TripleOf(target),
                     "; near: ", NearNames(any->getAllProcessorDescriptions(), target.mcpu)));
  }
  TW_RETURN_IF_ERROR(CheckFeatures(*any, target.mattr));
  if (native && here && target.mattr.empty()) {
    TW_ASSIGN_OR_RETURN(const auto host, Subtarget(target, resolved.mcpu));
    resolved.mattr = absl::StrJoin(HiddenFeatures(*host), ",");
  }
  return resolved;
}

std::vector<std::string> EnabledFeatures(const Target& target) {
  const auto subtarget = Subtarget(target, target.mcpu, target.mattr);
  TW_CHECK(subtarget.ok()) << subtarget.status().message();
  std::vector<std::string> names;
  for (const llvm::SubtargetFeatureKV& feature : (*subtarget)->getEnabledProcessorFeatures()) {
    names.push_back(feature.Key);
  }
  return names;
}

absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(const Target& target,
                                                                       Optimize optimize) {
  TW_ASSIGN_OR_RETURN(const llvm::Target* llvm_target, FindLlvmTarget(target));
  llvm::TargetOptions options;
  options.AllowFPOpFusion =
      optimize == Optimize::kFull ? llvm::FPOpFusion::Standard : llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(llvm_target->createTargetMachine(
      TripleOf(target), target.mcpu, target.mattr, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default));
}

}  // namespace tilewright
