#include "runtime/read_package.h"

#include <elf.h>

#include <array>
#include <cstring>

#include "nlohmann/json.hpp"
#include "runtime/cpu_features.h"
#include "runtime/crc32c.h"
#include "runtime/device/device_driver.h"
#include "runtime/error.h"
#include "runtime/tar.h"

namespace tilewright::runtime {
namespace {

using nlohmann::json;
using Members = std::map<std::string, std::string_view>;

constexpr int64_t kCpuAlignment = 64;  // the kernels' calling convention
constexpr size_t kMaxJsonBytes = size_t{64} << 20;
#if defined(__aarch64__)
constexpr uint16_t kThisMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr uint16_t kThisMachine = EM_RISCV;
#else
constexpr uint16_t kThisMachine = EM_X86_64;
#endif

std::string_view Find(const Members& members, const std::string& name) {
  const auto found = members.find(name);
  if (found == members.end()) throw BadPackage("it has no member " + name);
  return found->second;
}

json Parse(const Members& members, const std::string& name) {
  const std::string_view text = Find(members, name);
  if (text.size() > kMaxJsonBytes) throw BadPackage(name + " is larger than 64 MiB");
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    throw BadPackage(name + ": " + error.what());
  }
}

// Field readers that accept exactly the type wanted.
const json& Field(const json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) {
    throw BadPackage(std::string("field \"") + key + "\" is missing");
  }
  return object[key];
}

[[noreturn]] void WrongType(const char* key, const char* wanted) {
  throw BadPackage(std::string("field \"") + key + "\" is not " + wanted);
}

std::string Text(const json& object, const char* key) {
  const json& value = Field(object, key);
  if (!value.is_string()) WrongType(key, "a string");
  return value.get<std::string>();
}

int64_t Integer(const json& value, const char* key) {
  if (!value.is_number_integer()) WrongType(key, "an integer");
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) WrongType(key, "in range");
  return value.get<int64_t>();
}

const json& List(const json& object, const char* key) {
  const json& value = Field(object, key);
  if (!value.is_array()) WrongType(key, "a list");
  return value;
}

template <typename T>
std::vector<T> Integers(const json& object, const char* key) {
  std::vector<T> values;
  for (const json& item : List(object, key)) {
    const int64_t value = Integer(item, key);
    if (value != static_cast<T>(value)) WrongType(key, "in range");
    values.push_back(static_cast<T>(value));
  }
  return values;
}

std::array<int64_t, 3> Coordinates(const json& object, const char* key) {
  const std::vector<int64_t> values = Integers<int64_t>(object, key);
  if (values.size() != 3) WrongType(key, "three integers");
  return {values[0], values[1], values[2]};
}

std::vector<std::string> Texts(const json& from, const char* key) {
  std::vector<std::string> texts;
  for (const json& text : List(from, key)) {
    if (!text.is_string()) WrongType(key, "a list of strings");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

PlanTensor ReadTensor(const json& from) {
  PlanTensor tensor{.name = Text(from, "name"),
                    .dtype = Text(from, "dtype"),
                    .place = Text(from, "place"),
                    .shape = Integers<int64_t>(from, "shape"),
                    .offset = Integer(Field(from, "offset"), "offset")};
  if (from.contains("classes")) tensor.classes = Texts(from, "classes");
  return tensor;
}

PlanCall ReadCall(const json& from) {
  PlanCall call{.kernel = Text(from, "kernel"),
                .label = Text(from, "label"),
                .args = Integers<int>(from, "args")};
  if (from.contains("grid")) {
    call.grid = Coordinates(from, "grid");
    call.block = Coordinates(from, "block");
  } else {
    call.extent = Integer(Field(from, "extent"), "extent");
  }
  if (from.contains("schedule")) call.schedule = Text(from, "schedule");
  if (!from.contains("flops")) return call;
  if (!Field(from, "flops").is_number()) WrongType("flops", "a number");
  call.flops = Field(from, "flops").get<double>();
  return call;
}

PlanPadding ReadPadding(const json& from) {
  return {.inputs = Integers<int>(from, "inputs"), .outputs = Integers<int>(from, "outputs")};
}

ExecutionPlan ReadPlan(const json& from) {
  ExecutionPlan plan;
  plan.arena_bytes = Integer(Field(from, "arena_bytes"), "arena_bytes");
  for (const json& tensor : List(from, "tensors")) plan.tensors.push_back(ReadTensor(tensor));
  plan.inputs = Integers<int>(from, "inputs");
  plan.outputs = Integers<int>(from, "outputs");
  for (const json& call : List(from, "calls")) plan.calls.push_back(ReadCall(call));
  if (from.contains("padding")) {
    for (const json& item : List(from, "padding")) plan.padding.push_back(ReadPadding(item));
  }
  if (from.contains("unpadded")) plan.unpadded = Texts(from, "unpadded");
  return plan;
}

std::vector<ExecutionPlan> ReadPlans(const json& from) {
  if (!from.is_object() || !from.contains("plans")) return {ReadPlan(from)};
  std::vector<ExecutionPlan> plans;
  for (const json& plan : List(from, "plans")) plans.push_back(ReadPlan(plan));
  return plans;
}

Manifest ReadManifest(const json& from) {
  if (Text(from, "format") != "tilewright-package") throw BadPackage("not a tilewright package");
  const int64_t version = Integer(Field(from, "version"), "version");
  if (version < kPackageVersion || version > kShapesPackageVersion) {
    throw Error(TW_BAD_PACKAGE,
                "the package has format version " + std::to_string(version) +
                    " and this runtime reads versions " + std::to_string(kPackageVersion) + " to " +
                    std::to_string(kShapesPackageVersion) + "; compile the model again");
  }
  Manifest manifest = {.model = Text(from, "model"),
                       .target = Text(from, "target"),
                       .created_by = Text(from, "created_by")};
  if (version != kPackageVersion) manifest.device = Text(from, "device");
  if (CodeMember(manifest.device).empty()) {
    throw BadPackage("it is for a device of unknown kind " + manifest.device + "; known: cpu, " +
                     KnownDrivers());
  }
  manifest.cpu_features = Texts(from, "cpu_features");
  if (from.contains("records")) manifest.records = Texts(from, "records");
  return manifest;
}

void CheckSums(const Members& members, const json& manifest, const std::string& code) {
  const json& sums = Field(manifest, "crc32c");
  for (const std::string& name : {std::string("mod.json"), std::string("mod.params"), code}) {
    if (Integer(Field(sums, name.c_str()), name.c_str()) != Crc32c(Find(members, name))) {
      throw BadPackage(name + " is damaged: its checksum is wrong");
    }
  }
}

void CheckCpu(const Manifest& manifest, std::string_view so,
              const std::set<std::string>& features) {
  Elf64_Ehdr header;
  if (so.size() < sizeof(header) || so.substr(0, SELFMAG) != ELFMAG) {
    throw BadPackage("mod.so is not an ELF library");
  }
  std::memcpy(&header, so.data(), sizeof(header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != kThisMachine) {
    throw Error(TW_WRONG_CPU, "the package is for another architecture: " + manifest.target);
  }
  std::string lacking;
  for (const std::string& feature : MissingFeatures(manifest.cpu_features, features)) {
    lacking += " " + feature;
  }
  if (lacking.empty()) return;
  throw Error(TW_WRONG_CPU, "the package is for " + manifest.target + " and this CPU lacks" +
                                lacking + "; compile the model for this CPU");
}

}  // namespace

Manifest ReadManifestOf(std::string_view bytes) {
  return ReadManifest(Parse(ReadTar(bytes), "manifest.json"));
}

Package ReadPackage(std::string_view bytes, const std::set<std::string>& features) {
  const Members members = ReadTar(bytes);
  const json manifest = Parse(members, "manifest.json");
  Package package;
  package.manifest = ReadManifest(manifest);
  const std::string code = CodeMember(package.manifest.device);
  CheckSums(members, manifest, code);
  package.params = Find(members, "mod.params");
  package.so = Find(members, code);
  if (package.manifest.device == "cpu") CheckCpu(package.manifest, package.so, features);
  package.plans = ReadPlans(Parse(members, "mod.json"));
  CheckPlans(package.plans, package.params.size(),
             package.manifest.device == "cpu" ? kCpuAlignment : kDeviceAlignment);
  return package;
}

}  // namespace tilewright::runtime
