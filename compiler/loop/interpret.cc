#include "compiler/loop/interpret.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/loop/interpret_code.h"

namespace tilewright {
namespace {

using interpret::Access;
using interpret::Code;
using interpret::ExprCompiler;
using interpret::Frame;
using interpret::Value;

struct Step;
using Steps = std::vector<Step>;

// One compiled statement.
struct Step {
  void (*run)(const Step&, Frame&) = nullptr;
  size_t slot = 0;                               // loop
  const Code *min = nullptr, *extent = nullptr;  // loop
  const Code* value = nullptr;                   // store's value or the condition
  Access access;                                 // store
  Steps body, otherwise;
};

void RunSteps(const Steps& steps, Frame& frame) {
  for (const Step& step : steps) step.run(step, frame);
}

void RunLoop(const Step& step, Frame& frame) {
  const int64_t min = step.min->run(*step.min, frame).i;
  const int64_t end = min + step.extent->run(*step.extent, frame).i;
  for (int64_t i = min; i < end && !frame.failed; ++i) {
    frame.vars[step.slot] = i;
    RunSteps(step.body, frame);
  }
}

template <typename T>
void RunStore(const Step& step, Frame& frame) {
  const T value = interpret::Get<T>(step.value->run(*step.value, frame));
  const int64_t at = interpret::Locate(step.access, frame);
  if (at < 0 || frame.failed) return;
  reinterpret_cast<T*>(frame.buffers[step.access.slot])[at] = value;
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
      case StmtKind::kFor: return steps->push_back(LoopStep(*s));
      case StmtKind::kStore: return steps->push_back(StoreStep(*s));
      case StmtKind::kIf: return steps->push_back(IfStep(*s));
      case StmtKind::kPrefetch: return;  // a hint
    }
  }

  Step LoopStep(const StmtNode& s) {
    Step step{.run = RunLoop, .slot = exprs_.SlotOf(s.var)};
    step.min = exprs_.Compile(s.min);
    step.extent = exprs_.Compile(s.extent);
    step.body = Compile(s.body[0]);
    return step;
  }

  Step StoreStep(const StmtNode& s) {
    Step step{.value = exprs_.Compile(s.value),
              .access = exprs_.CompileAccess(s.buffer, s.indices)};
    step.run = interpret::Dispatch(s.buffer->dtype, []<typename T>() { return &RunStore<T>; });
    return step;
  }

  Step IfStep(const StmtNode& s) {
    Step step{.run = RunIf, .value = exprs_.Compile(s.condition)};
    step.body = Compile(s.body[0]);
    if (s.body.size() > 1) step.otherwise = Compile(s.body[1]);
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
