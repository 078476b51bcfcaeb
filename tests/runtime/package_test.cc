// Reading packages: what was written comes back, and nothing damaged gets through or crashes.
#include "runtime/package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/read_package.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright::runtime {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const std::set<std::string> kFeatures = {"sse2", "avx2", "fma"};

// The error of reading, or TW_OK and no text.
struct Refusal {
  tw_status code = TW_OK;
  std::string text;
};
Refusal Read(const std::string& bytes) {
  try {
    ReadPackage(bytes, kFeatures);
    return {};
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
}

TEST(Package, ReadsBackWhatWasWritten) {
  Manifest manifest = TinyManifest();
  manifest.cpu_features = {"avx2"};
  manifest.records = {"job-7-1", "job-7-2"};
  const std::string bytes = WritePackage(manifest, {TinyPlan()}, TinyParams(), TinyKernels());
  const Package package = ReadPackage(bytes, kFeatures);
  EXPECT_EQ(package.manifest.model, "tiny");
  EXPECT_THAT(package.manifest.cpu_features, ElementsAre("avx2"));
  EXPECT_THAT(package.manifest.records, ElementsAre("job-7-1", "job-7-2"));
  EXPECT_THAT(ReadManifestOf(bytes).records, ElementsAre("job-7-1", "job-7-2"));
  EXPECT_EQ(package.params, TinyParams());
  EXPECT_EQ(package.so, TinyKernels());
  EXPECT_EQ(ToJson(package.plans[0]), ToJson(TinyPlan()));
}

TEST(Package, HoldsTheNamesOfAnOutputsClasses) {
  const auto with_classes = [](size_t count) {
    ExecutionPlan plan = TinyPlan();
    for (PlanTensor& tensor : plan.tensors) {
      if (tensor.place == "output") tensor.classes.assign(count, "a");
    }
    return WritePackage(TinyManifest(), {plan}, TinyParams(), TinyKernels());
  };
  const size_t columns = kTinySize / 10;
  const Package package = ReadPackage(with_classes(columns), kFeatures);
  const ExecutionPlan& plan = package.plans[0];
  EXPECT_EQ(plan.tensors[static_cast<size_t>(plan.outputs[0])].classes.size(), columns);
  const Refusal refusal = Read(with_classes(2));
  EXPECT_EQ(refusal.code, TW_BAD_PACKAGE);
  EXPECT_THAT(refusal.text, HasSubstr("has 2 classes for its columns"));
}

TEST(Package, SurvivesNamesThatAreNotText) {
  ExecutionPlan plan = TinyPlan();
  plan.calls[0].label = "\xff\xfe\"\n";
  const std::string bytes = WritePackage(TinyManifest(), {plan}, TinyParams(), TinyKernels());
  EXPECT_EQ(ReadPackage(bytes, kFeatures).plans[0].calls.size(), 2u);
}

Manifest OpenClManifest() {
  Manifest manifest = TinyManifest();
  manifest.device = "opencl";
  return manifest;
}

// A plan for a device: offsets at multiples of 512, calls with a launch.
ExecutionPlan DevicePlan() {
  ExecutionPlan plan = TinyPlan();
  plan.tensors[1].offset = plan.tensors[2].offset = 0;
  for (PlanCall& call : plan.calls) {
    call.extent = 1;
    call.grid = {5, 2, 1};
    call.block = {128, 1, 1};
  }
  return plan;
}

TEST(Package, HoldsLaunchesForADevice) {
  const std::string bytes = WritePackage(OpenClManifest(), {DevicePlan()}, TinyParams(), "source");
  const Package package = ReadPackage(bytes, kFeatures);
  EXPECT_EQ(package.manifest.device, "opencl");
  EXPECT_EQ(package.so, "source");
  EXPECT_EQ(ToJson(package.plans[0]), ToJson(DevicePlan()));
}

TEST(Package, RefusesADevicePlanThatDevicesCannotRun) {
  ExecutionPlan plan = DevicePlan();
  plan.tensors[1].offset = 64;
  EXPECT_THAT(Read(WritePackage(OpenClManifest(), {plan}, TinyParams(), "")).text,
              HasSubstr("lies outside the arena"));
  Manifest manifest = OpenClManifest();
  manifest.device = "tpu";
  json fields = json::parse(ToJson(manifest));
  fields["version"] = kDevicePackageVersion;
  EXPECT_THAT(Read(WriteTar({{"manifest.json", fields.dump()}})).text,
              HasSubstr("unknown kind tpu; known: cpu, cuda, emu, opencl"));
}

TEST(Package, RefusesEveryTruncation) {
  const std::string bytes = TinyPackage();
  for (size_t size = 0; size + 1024 <= bytes.size(); size += 512) {
    EXPECT_EQ(Read(bytes.substr(0, size)).code, TW_BAD_PACKAGE) << size;
  }
}

TEST(Package, NeverCrashesOnAFlippedBit) {
  const std::string bytes = TinyPackage();
  for (size_t at = 0; at < bytes.size(); at += 5) {
    std::string damaged = bytes;
    damaged[at] ^= static_cast<char>(1 << at % 8);
    const Refusal refusal = Read(damaged);
    EXPECT_NE(refusal.code, TW_INTERNAL) << "byte " << at << ": " << refusal.text;
  }
}

TEST(Package, NamesTheDamagedMember) {
  std::string bytes = TinyPackage();
  bytes[bytes.find("\177ELF") + 100] ^= 1;
  const Refusal refusal = Read(bytes);
  EXPECT_EQ(refusal.code, TW_BAD_PACKAGE);
  EXPECT_THAT(refusal.text, HasSubstr("mod.so is damaged"));
}

TEST(Package, RefusesAnotherFormatVersion) {
  json manifest = json::parse(ToJson(TinyManifest()));
  manifest["version"] = kShapesPackageVersion + 1;
  const std::string text = manifest.dump();
  const Refusal refusal = Read(WriteTar({{"manifest.json", text}}));
  EXPECT_EQ(refusal.code, TW_BAD_PACKAGE);
  EXPECT_THAT(refusal.text, HasSubstr("version 4"));
  EXPECT_THAT(refusal.text, HasSubstr("reads versions 1 to 3"));
}

TEST(Package, RefusesACpuThatLacksAFeatureAndNamesIt) {
  Manifest manifest = TinyManifest();
  manifest.cpu_features = {"avx2", "avx512f", "amx_tile"};
  const Refusal refusal = Read(WritePackage(manifest, {TinyPlan()}, TinyParams(), TinyKernels()));
  EXPECT_EQ(refusal.code, TW_WRONG_CPU);
  EXPECT_THAT(refusal.text, HasSubstr("lacks avx512f amx_tile"));
}

TEST(Package, RefusesKernelsOfAnotherArchitecture) {
  std::string so = TinyKernels();
  so[18] = '\xf3';  // e_machine: RISC-V
  so[19] = '\0';
  EXPECT_EQ(Read(WritePackage(TinyManifest(), {TinyPlan()}, TinyParams(), so)).code, TW_WRONG_CPU);
}

TEST(Package, RefusesKernelsThatAreNotElf) {
  EXPECT_EQ(Read(WritePackage(TinyManifest(), {TinyPlan()}, TinyParams(), "MZ")).code,
            TW_BAD_PACKAGE);
}

TEST(Package, RefusesAMissingMember) {
  const std::string manifest = ToJson(TinyManifest());
  EXPECT_EQ(Read(WriteTar({{"manifest.json", manifest}})).code, TW_BAD_PACKAGE);
  EXPECT_EQ(Read(WriteTar({{"other", "x"}})).code, TW_BAD_PACKAGE);
}

TEST(Package, RefusesWrongJsonTypes) {
  const json good = json::parse(ToJson(TinyPlan()));
  const auto json_pointers = {"/arena_bytes",       "/tensors",          "/tensors/0",
                              "/tensors/0/name",    "/tensors/0/dtype",  "/tensors/0/shape",
                              "/tensors/0/shape/0", "/tensors/0/offset", "/inputs",
                              "/inputs/0",          "/outputs/0",        "/calls",
                              "/calls/0",           "/calls/0/kernel",   "/calls/0/args",
                              "/calls/0/args/0",    "/calls/0/extent"};
  const std::vector<json> values = {nullptr, 1.5, json::object(), true, 1e300, ~uint64_t{0}};
  for (const char* pointer : json_pointers) {
    for (const json& value : values) {
      json bad = good;
      bad[json::json_pointer(pointer)] = value;
      EXPECT_EQ(Read(PackageWithPlan(bad.dump())).code, TW_BAD_PACKAGE)
          << pointer << " = " << value;
    }
  }
}

TEST(Package, RefusesTextThatIsNotJson) {
  for (const char* text : {"", "{", "[]", "nul", "\xff\xff"}) {
    EXPECT_EQ(Read(PackageWithPlan(text)).code, TW_BAD_PACKAGE) << text;
  }
  EXPECT_EQ(Read(PackageWithPlan(std::string(1 << 20, '['))).code, TW_BAD_PACKAGE);
}

// Changes of a good plan, each of which must be refused.
struct BadPlan {
  const char* what;
  std::function<void(ExecutionPlan&)> change;
};

TEST(Package, RefusesPlansOutOfRange) {
  const std::vector<BadPlan> bad_plans = {
      {"arena negative", [](auto& p) { p.arena_bytes = -1; }},
      {"arena too small", [](auto& p) { p.arena_bytes = 100; }},
      {"arena enormous", [](auto& p) { p.arena_bytes = INT64_MAX; }},
      {"offset past the params", [](auto& p) { p.tensors[2].offset = 192; }},
      {"offset overflows", [](auto& p) { p.tensors[1].offset = INT64_MAX / 64 * 64; }},
      {"offset negative", [](auto& p) { p.tensors[1].offset = -64; }},
      {"offset misaligned", [](auto& p) { p.tensors[1].offset = 4; }},
      {"dimension negative", [](auto& p) { p.tensors[0].shape = {-1}; }},
      {"shape overflows", [](auto& p) { p.tensors[0].shape = {1 << 30, 1 << 30, 1 << 30}; }},
      {"rank 9", [](auto& p) { p.tensors[0].shape.assign(9, 1); }},
      {"unknown type", [](auto& p) { p.tensors[0].dtype = "float3"; }},
      {"unknown place", [](auto& p) { p.tensors[1].place = "moon"; }},
      {"input id", [](auto& p) { p.inputs = {4}; }},
      {"input id negative", [](auto& p) { p.inputs = {-1}; }},
      {"input of another place", [](auto& p) { p.inputs = {1}; }},
      {"input listed twice", [](auto& p) { p.inputs = {0, 0}; }},
      {"output not listed", [](auto& p) { p.outputs = {}; }},
      {"argument id", [](auto& p) { p.calls[0].args = {0, 4}; }},
      {"no arguments", [](auto& p) { p.calls[0].args = {}; }},
      {"writes a constant", [](auto& p) { p.calls[0].args = {0, 2}; }},
      {"writes an input", [](auto& p) { p.calls[0].args = {1, 0}; }},
      {"extent negative", [](auto& p) { p.calls[0].extent = -1; }},
      {"grid of nothing", [](auto& p) { p.calls[0].grid = {4, 0, 1}; }},
      {"grid enormous", [](auto& p) { p.calls[0].grid = {1, 1, int64_t{1} << 31}; }},
      {"block of nothing", [](auto& p) { p.calls[0].block = {1, 1, 0}; }},
      {"block of too many threads", [](auto& p) { p.calls[0].block = {1024, 2, 1}; }},
      {"block overflows",
       [](auto& p) { p.calls[0].block = {1024, int64_t{1} << 62, int64_t{1} << 62}; }},
      {"extent enormous", [](auto& p) { p.calls[0].extent = int64_t{1} << 31; }}};
  for (const BadPlan& bad : bad_plans) {
    ExecutionPlan plan = TinyPlan();
    bad.change(plan);
    EXPECT_EQ(Read(PackageWithPlan(ToJson(plan))).code, TW_BAD_PACKAGE) << bad.what;
  }
}

}  // namespace
}  // namespace tilewright::runtime
