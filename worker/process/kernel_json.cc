#include "worker/process/kernel_json.h"

#include <nlohmann/json.hpp>

#include "base/json_integer.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

Json ToJson(const std::vector<KernelCall>& calls) {
  Json list = Json::array();
  for (const KernelCall& call : calls) {
    list.push_back({{"symbol", call.symbol},
                    {"extent", call.extent},
                    {"grid", call.launch.grid},
                    {"block", call.launch.block},
                    {"operands", call.operands}});
  }
  return list;
}

std::array<int64_t, 3> ThreeOf(const Json& list) {
  return {JsonInteger<int64_t>(list.at(0)), JsonInteger<int64_t>(list.at(1)),
          JsonInteger<int64_t>(list.at(2))};
}

std::vector<KernelCall> CallsFromJson(const Json& list) {
  std::vector<KernelCall> calls;
  for (const Json& call : list) {
    calls.push_back(
        {.symbol = call.at("symbol").get<std::string>(),
         .extent = JsonInteger<int64_t>(call.at("extent")),
         .launch = {.grid = ThreeOf(call.at("grid")), .block = ThreeOf(call.at("block"))},
         .operands = JsonIntegers<int>(call.at("operands"))});
  }
  return calls;
}

absl::StatusOr<CompiledTask> Parse(const Json& json) {
  CompiledTask task{.prepare = CallsFromJson(json.at("prepare")),
                    .calls = CallsFromJson(json.at("calls")),
                    .tolerance = json.at("tolerance").get<double>()};
  for (const Json& text : json.at("buffers")) {
    TW_ASSIGN_OR_RETURN(task.buffers.emplace_back(), ParseTensorType(text.get<std::string>()));
  }
  return task;
}

}  // namespace

Json ToJson(const CompiledTask& task) {
  Json buffers = Json::array();
  for (const TensorType& type : task.buffers) buffers.push_back(ToString(type));
  return {{"buffers", std::move(buffers)},
          {"prepare", ToJson(task.prepare)},
          {"calls", ToJson(task.calls)},
          {"tolerance", task.tolerance}};
}

absl::StatusOr<CompiledTask> CompiledTaskFromJson(const Json& json) {
  try {
    return Parse(json);
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(e.what());
  }
}

}  // namespace tilewright
