#include "compiler/loop/interpret.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/loop/interpret_step.h"

namespace tilewright {
namespace {

using interpret::Access;
using interpret::Code;
using interpret::ExprCompiler;
using interpret::Frame;
using interpret::RunSteps;
using interpret::Step;
using interpret::Steps;

void RunLoop(const Step& step, Frame& frame) {
  const int64_t min = step.min->run(*step.min, frame).i;
  const int64_t end = min + step.extent->run(*step.extent, frame).i;
  for (int64_t i = min; i < end && !frame.failed; ++i) {
    frame.vars[step.slot] = i;
    RunSteps(step.body, frame);
  }
}

template <typename T, bool shared>
void RunStore(const Step& step, Frame& frame) {
  const T value{interpret::Get<T>(step.value->run(*step.value, frame))};
  const int64_t at = shared ? interpret::LocateShared(step.access, frame, /*write=*/true)
                            : interpret::Locate(step.access, frame);
  if (at < 0 || frame.failed) return;
  reinterpret_cast<T*>(frame.buffers[step.access.slot])[at] = value;
  if (shared && step.async) interpret::StoreLate(step.access, at, sizeof(T), frame);
}

// Threads and blocks run one after the other.
template <typename T>
void RunAtomicAdd(const Step& step, Frame& frame) {
  const T value = interpret::Get<T>(step.value->run(*step.value, frame));
  const int64_t at = interpret::Locate(step.access, frame);
  if (at < 0 || frame.failed) return;
  T& element = reinterpret_cast<T*>(frame.buffers[step.access.slot])[at];
  if constexpr (std::is_integral_v<T>) {
    element = static_cast<T>(static_cast<uint32_t>(element) + static_cast<uint32_t>(value));
  } else {
    element += value;
  }
}

void RunIf(const Step& step, Frame& frame) {
  const bool taken = interpret::Get<bool>(step.value->run(*step.value, frame));
  RunSteps(taken ? step.body : step.otherwise, frame);
}

// Compiles a program's statements and lists the buffers they declare.
class StmtCompiler {
 public:
  Steps Compile(const Stmt& s) {
    Steps steps;
    if (s != nullptr) Append(s, &steps);
    return steps;
  }

  ExprCompiler& exprs() { return exprs_; }
  const std::vector<Buffer>& declared() const { return declared_; }

 private:
  void Append(const Stmt& s, Steps* steps) {
    switch (s->kind) {
      case StmtKind::kSeq:
        for (const Stmt& child : s->body) Append(child, steps);
        return;
      case StmtKind::kAlloc: declared_.push_back(s->buffer); return Append(s->body[0], steps);
      case StmtKind::kFor:
        return steps->push_back(IsThreadAxis(s->axis) ? ThreadsStep(s) : LoopStep(*s));
      case StmtKind::kStore: return steps->push_back(StoreStep(*s));
      case StmtKind::kAtomicAdd: return steps->push_back(AtomicAddStep(*s));
      case StmtKind::kIf: return steps->push_back(IfStep(*s));
      case StmtKind::kPrefetch: return;  // a hint
      case StmtKind::kBarrier: return steps->push_back({.run = interpret::RunBarrier});
      case StmtKind::kAsyncCommit: return steps->push_back({.run = interpret::RunAsyncCommit});
      case StmtKind::kAsyncWait:
        return steps->push_back(
            {.run = interpret::RunAsyncWait, .slot = static_cast<size_t>(*AsInt(s->extent))});
      case StmtKind::kTile: return steps->push_back(TileStep(*s));
      case StmtKind::kPipeline: return steps->push_back(PipelineStep(*s));
      case StmtKind::kLastBlock: return steps->push_back(LastBlockStep(*s));
    }
  }

  Step LoopStep(const StmtNode& s) {
    Step step{.run = RunLoop, .slot = exprs_.SlotOf(s.var)};
    step.min = exprs_.Compile(s.min);
    step.extent = exprs_.Compile(s.extent);
    step.body = Compile(s.body[0]);
    step.meets = Meets(step.body);
    return step;
  }

  static bool Meets(const Steps& steps) {
    return std::any_of(steps.begin(), steps.end(), [](const Step& step) {
      return step.meets || step.run == interpret::RunBarrier || step.tile != nullptr;
    });
  }

  Step PipelineStep(const StmtNode& s) {
    Step step{.run = interpret::RunPipeline, .slot = exprs_.SlotOf(s.var), .slots = s.slots};
    step.extent = exprs_.Compile(s.extent);
    step.body = Compile(s.body[0]);
    step.otherwise = Compile(s.body[1]);
    step.meets = true;
    return step;
  }

  Step LastBlockStep(const StmtNode& s) {
    Step step{.run = interpret::RunLastBlock, .access = exprs_.CompileAccess(s.buffer, s.indices)};
    step.extent = exprs_.Compile(s.extent);
    step.body = Compile(s.body[0]);
    step.meets = true;
    return step;
  }

  Step TileStep(const StmtNode& s) {
    Step step{.tile = s.tile};
    const std::vector<TileOperand>& wanted = s.tile->operands;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].scope == Scope::kGlobal) {  // a box may begin outside
        const Buffer& source = s.operands[i]->buffer;
        step.operands.push_back({.slot = exprs_.SlotOf(source), .buffer = source.get()});
        for (const Expr& index : s.operands[i]->operands) step.box.push_back(exprs_.Compile(index));
        continue;
      }
      std::vector<Expr> last = s.operands[i]->operands;
      last.back() = last.back() + (wanted[i].elements - 1);
      step.operands.push_back(exprs_.CompileAccess(s.operands[i]->buffer, s.operands[i]->operands));
      step.operands.push_back(exprs_.CompileAccess(s.operands[i]->buffer, last));
    }
    return step;
  }

  // The nest of loops bound to threads. A warp's are neighbours along x.
  Step ThreadsStep(Stmt s) {
    Step step{.run = interpret::RunThreads};
    std::map<ThreadAxis, std::pair<size_t, int64_t>, std::greater<>> axes;
    for (; s->kind == StmtKind::kFor && IsThreadAxis(s->axis); s = s->body[0]) {
      axes[s->axis] = {exprs_.SlotOf(s->var), *AsInt(s->extent)};
    }
    for (const auto& [axis, thread] : axes) step.threads.push_back(thread);
    const size_t outer = declared_.size();
    step.body = Compile(s);
    for (size_t i = 0; i < declared_.size(); ++i) {
      const Buffer& buffer = declared_[i];
      const size_t slot = exprs_.SlotOf(buffer);
      if (i < outer) {
        step.shared_buffers.push_back({buffer.get(), slot});
      } else {
        const TensorType type{.dtype = buffer->dtype, .shape = buffer->shape};
        step.private_buffers.push_back({slot, NumBytes(type)});
      }
    }
    return step;
  }

  Step StoreStep(const StmtNode& s) {
    Step step{.value = exprs_.Compile(s.value),
              .access = exprs_.CompileAccess(s.buffer, s.indices),
              .async = s.async};
    const bool shared = s.buffer->scope == Scope::kShared;
    step.run = Dispatch(s.buffer->dtype, [shared]<typename T>() {
      return shared ? &RunStore<T, true> : &RunStore<T, false>;
    });
    return step;
  }

  Step AtomicAddStep(const StmtNode& s) {
    const bool floats = s.buffer->dtype == DType::kF32;
    return {.run = floats ? &RunAtomicAdd<float> : &RunAtomicAdd<int32_t>,
            .value = exprs_.Compile(s.value),
            .access = exprs_.CompileAccess(s.buffer, s.indices)};
  }

  Step IfStep(const StmtNode& s) {
    Step step{.run = RunIf, .value = exprs_.Compile(s.condition)};
    step.body = Compile(s.body[0]);
    if (s.body.size() > 1) step.otherwise = Compile(s.body[1]);
    step.meets = Meets(step.body) || Meets(step.otherwise);
    return step;
  }

  ExprCompiler exprs_;
  std::vector<Buffer> declared_;
};

absl::Status CheckArguments(const Program& program, std::span<Tensor> args) {
  if (args.size() != program.params.size()) {
    return absl::InvalidArgumentError(absl::StrCat(program.name, " takes ", program.params.size(),
                                                   " arguments, found ", args.size()));
  }
  for (size_t i = 0; i < args.size(); ++i) {
    const Buffer& param = program.params[i];
    const TensorType wanted{.dtype = param->dtype, .shape = param->shape};
    if (args[i].type() == wanted && !args[i].empty()) continue;
    return absl::InvalidArgumentError(absl::StrCat(program.name, ": argument ", param->name, " is ",
                                                   ToString(wanted), ", found ",
                                                   ToString(args[i].type())));
  }
  return absl::OkStatus();
}

}  // namespace

void interpret::RunSteps(const Steps& steps, Frame& frame) {
  for (const Step& step : steps) step.run(step, frame);
}

absl::Status Interpret(const Program& program, std::span<Tensor> args) {
  TW_RETURN_IF_ERROR(CheckArguments(program, args));
  StmtCompiler compiler;
  const Steps steps = compiler.Compile(program.body);
  Frame frame;
  std::vector<Tensor> scratch;
  for (const Buffer& buffer : compiler.declared()) compiler.exprs().SlotOf(buffer);
  for (const Buffer& buffer : program.params) compiler.exprs().SlotOf(buffer);
  frame.buffers.resize(compiler.exprs().buffers());
  frame.vars.resize(compiler.exprs().vars());
  for (const Buffer& buffer : compiler.declared()) {
    scratch.emplace_back(TensorType{.dtype = buffer->dtype, .shape = buffer->shape});
    // Contents are undefined: floats read before they are written show as NaN.
    std::memset(scratch.back().data(), 0xff, static_cast<size_t>(scratch.back().bytes()));
    frame.buffers[compiler.exprs().SlotOf(buffer)] = static_cast<std::byte*>(scratch.back().data());
  }
  for (size_t i = 0; i < args.size(); ++i) {
    frame.buffers[compiler.exprs().SlotOf(program.params[i])] =
        static_cast<std::byte*>(args[i].data());
  }
  RunSteps(steps, frame);
  return frame.failure;
}

}  // namespace tilewright
