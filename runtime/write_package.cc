// Writing packages; runtime/read_package.cc is the inverse.
#include "nlohmann/json.hpp"
#include "runtime/crc32c.h"
#include "runtime/device/device_driver.h"
#include "runtime/package.h"

namespace tilewright {
namespace {

using nlohmann::json;

constexpr std::array<int64_t, 3> kOneThread = {1, 1, 1};

json Fields(const Manifest& manifest, size_t plans) {
  json fields = {{"format", "tilewright-package"},    {"version", kPackageVersion},
                 {"model", manifest.model},           {"target", manifest.target},
                 {"created_by", manifest.created_by}, {"cpu_features", manifest.cpu_features}};
  if (manifest.device != "cpu" || plans > 1) {
    fields["version"] = plans > 1 ? kShapesPackageVersion : kDevicePackageVersion;
    fields["device"] = manifest.device;
  }
  if (!manifest.records.empty()) fields["records"] = manifest.records;
  return fields;
}

json Fields(const PlanTensor& tensor) {
  json fields = {{"name", tensor.name},
                 {"dtype", tensor.dtype},
                 {"shape", tensor.shape},
                 {"place", tensor.place},
                 {"offset", tensor.offset}};
  if (!tensor.classes.empty()) fields["classes"] = tensor.classes;
  return fields;
}

json Fields(const PlanCall& call) {
  json fields = {{"kernel", call.kernel},
                 {"label", call.label},
                 {"args", call.args},
                 {"schedule", call.schedule},
                 {"flops", call.flops}};
  if (call.grid == kOneThread && call.block == kOneThread) {
    fields["extent"] = call.extent;
  } else {
    fields["grid"] = call.grid;
    fields["block"] = call.block;
  }
  return fields;
}

json Fields(const PlanPadding& padding) {
  return {{"inputs", padding.inputs}, {"outputs", padding.outputs}};
}

template <typename T>
json Fields(const std::vector<T>& items) {
  json list = json::array();
  for (const T& item : items) list.push_back(Fields(item));
  return list;
}

json Fields(const ExecutionPlan& plan) {
  json fields = {{"arena_bytes", plan.arena_bytes},
                 {"tensors", Fields(plan.tensors)},
                 {"inputs", plan.inputs},
                 {"outputs", plan.outputs},
                 {"calls", Fields(plan.calls)}};
  if (!plan.padding.empty()) fields["padding"] = Fields(plan.padding);
  if (!plan.unpadded.empty()) fields["unpadded"] = plan.unpadded;
  return fields;
}

// A model's names may hold any bytes; JSON text may not.
std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string ToJson(const ExecutionPlan& plan) { return Dump(Fields(plan)); }

std::string ToJson(const std::vector<ExecutionPlan>& plans) {
  json list = json::array();
  for (const ExecutionPlan& plan : plans) list.push_back(Fields(plan));
  return plans.size() == 1 ? Dump(list[0]) : Dump({{"plans", list}});
}

std::string ToJson(const Manifest& manifest) { return Dump(Fields(manifest, 1)); }

std::string CodeMember(const std::string& device) {
  if (device == "cpu") return "mod.so";
  const runtime::DeviceDriver* driver = runtime::FindDriver(device);
  return driver == nullptr ? "" : std::string(driver->code_file);
}

void WritePackage(const PackageParts& parts, const ByteSink& sink) {
  const std::string plan_json = ToJson(parts.plans);
  const std::string code = CodeMember(parts.manifest.device);
  json fields = Fields(parts.manifest, parts.plans.size());
  fields["crc32c"] = {{"mod.json", runtime::Crc32c(plan_json)},
                      {"mod.params", runtime::Crc32c(parts.params)},
                      {code, runtime::Crc32c(parts.so)}};
  const std::string manifest_json = Dump(fields);
  WriteTar({{"manifest.json", manifest_json},
            {"mod.json", plan_json},
            {"mod.params", parts.params},
            {code, parts.so}},
           sink);
}

std::string WritePackage(const Manifest& manifest, const std::vector<ExecutionPlan>& plans,
                         std::string_view params, std::string_view so) {
  std::string bytes;
  WritePackage(PackageParts{manifest, plans, params, so},
               [&bytes](std::string_view part) { bytes.append(part); });
  return bytes;
}

}  // namespace tilewright
