#include "compiler/driver/device_task.h"

#include "base/check.h"
#include "compiler/targets/support/device_error.h"

namespace tilewright {
namespace {

size_t BytesOf(const TensorType& type) { return static_cast<size_t>(NumBytes(type)); }

}  // namespace

absl::StatusOr<DeviceTask> DeviceTask::Load(const CompiledTask& task,
                                            const std::vector<TensorType>& args,
                                            runtime::Device& device) {
  try {
    DeviceTask loaded;
    loaded.device_ = &device;
    loaded.args_ = args;
    loaded.module_ = device.Load(task.so);
    for (const std::vector<TensorType>* types : {&args, &task.buffers}) {
      for (const TensorType& type : *types) {
        loaded.operands_.push_back(device.Allocate(BytesOf(type)));
      }
    }
    loaded.Bind(task.prepare, &loaded.calls_);
    loaded.Bind(task.calls, &loaded.calls_);
    return loaded;
  } catch (const runtime::Error& error) {
    return StatusOf(error);
  }
}

void DeviceTask::Bind(const std::vector<KernelCall>& calls, std::vector<Call>* bound) {
  for (const KernelCall& call : calls) {
    Call one{.kernel = module_->Find(call.symbol), .launch = call.launch};
    TW_CHECK(one.kernel != nullptr) << "no kernel " << call.symbol;
    for (const int operand : call.operands) {
      one.operands.push_back(operands_[static_cast<size_t>(operand)].get());
    }
    bound->push_back(std::move(one));
  }
}

absl::StatusOr<Tensor> DeviceTask::Run(const std::vector<Tensor>& args) {
  TW_CHECK(args.size() == args_.size()) << args.size() << " arguments";
  try {
    for (size_t i = 0; i + 1 < args.size(); ++i) {
      device_->Upload(*operands_[i], args[i].data(), BytesOf(args_[i]));
    }
    for (const Call& call : calls_) {
      device_->Launch(*call.kernel, call.operands, call.launch.grid, call.launch.block);
    }
    Tensor output(args_.back());
    device_->Download(output.data(), *operands_[args.size() - 1], BytesOf(args_.back()));
    return output;
  } catch (const runtime::Error& error) {
    return StatusOf(error);
  }
}

}  // namespace tilewright
