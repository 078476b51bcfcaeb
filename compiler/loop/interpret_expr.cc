#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/interpret_code.h"
#include "compiler/loop/linear.h"

namespace tilewright::interpret {
namespace {

template <typename T, bool shared>
Value RunLoad(const Code& code, Frame& frame) {
  const int64_t at =
      shared ? LocateShared(code.access, frame, /*write=*/false) : Locate(code.access, frame);
  if (at < 0) [[unlikely]]
    return {.i = 0};
  return Put<T>(reinterpret_cast<const T*>(frame.buffers[code.access.slot])[at]);
}

Value RunLiteral(const Code& code, Frame&) { return code.literal; }

Value RunAffine(const Code& code, Frame& frame) { return {.i = code.affine.At(frame)}; }

Value RunSelect(const Code& code, Frame& frame) {
  const Code& chosen = *code.operands[Operand<bool>(code, 0, frame) ? 1 : 2];
  return chosen.run(chosen, frame);
}

// && and || on bool: the right side only where the left one has not decided.
template <bool decisive>
Value RunLogic(const Code& code, Frame& frame) {
  if (Operand<bool>(code, 0, frame) == decisive) return {.i = decisive};
  return {.i = Operand<bool>(code, 1, frame)};
}

Function BinaryOrLogic(BinaryOp op, DType operands) {
  if (operands == DType::kBool && op == BinaryOp::kAnd) return RunLogic<false>;
  if (operands == DType::kBool && op == BinaryOp::kOr) return RunLogic<true>;
  return BinaryFunction(op, operands);
}

}  // namespace

void FailAccess(const Access& access, int64_t at, int64_t extent, Frame& frame) {
  if (frame.failed) return;
  frame.failed = true;
  const BufferNode& buffer = *access.buffer;
  const TensorType type{.dtype = buffer.dtype, .shape = buffer.shape};
  frame.failure =
      absl::OutOfRangeError(absl::StrCat("index ", at, " is outside 0..", extent,
                                         " of a dimension of ", buffer.name, ": ", ToString(type)));
}

size_t ExprCompiler::SlotOf(const Expr& var) {
  return vars_.emplace(var.get(), vars_.size()).first->second;
}

size_t ExprCompiler::SlotOf(const Buffer& buffer) {
  return buffers_.emplace(buffer.get(), buffers_.size()).first->second;
}

const Code* ExprCompiler::Compile(const Expr& e) {
  Code code = CompileNode(e);
  codes_.push_back(std::move(code));
  return &codes_.back();
}

Code ExprCompiler::CompileNode(const Expr& e) {
  Code code;
  if (e->kind == ExprKind::kInt || e->kind == ExprKind::kFloat) return CompileLiteral(*e);
  if (e->dtype == DType::kI64 && CompileAffine(e, &code.affine)) {
    code.run = RunAffine;
    return code;
  }
  if (e->kind == ExprKind::kLoad) {
    code.access = CompileAccess(e->buffer, e->operands);
    const bool shared = e->buffer->scope == Scope::kShared;
    code.run = Dispatch(e->dtype, [shared]<typename T>() -> Function {
      return shared ? RunLoad<T, true> : RunLoad<T, false>;
    });
    return code;
  }
  for (size_t i = 0; i < e->operands.size(); ++i) code.operands[i] = Compile(e->operands[i]);
  const DType operands = e->operands[0]->dtype;
  if (e->kind == ExprKind::kCall) code.run = CallFunction(e->name, operands);
  if (e->kind == ExprKind::kBinary) code.run = BinaryOrLogic(e->op, operands);
  if (e->kind == ExprKind::kCast) code.run = CastFunction(operands, e->dtype);
  if (e->kind == ExprKind::kSelect) code.run = RunSelect;
  return code;
}

Code ExprCompiler::CompileLiteral(const ExprNode& e) {
  Code code;
  code.run = RunLiteral;
  code.literal = Dispatch(e.dtype, [&e]<typename T>() {
    using R = Register<T>;
    return Put<T>(std::is_floating_point_v<R> ? static_cast<R>(e.fvalue)
                                              : static_cast<R>(e.ivalue));
  });
  return code;
}

bool ExprCompiler::CompileAffine(const Expr& e, Affine* affine) {
  const Linear sum = LinearOf(e);
  for (const Linear::Term& term : sum.terms) {
    if (term.atom->kind != ExprKind::kVar) return false;
  }
  affine->constant = sum.constant;
  for (const Linear::Term& term : sum.terms) {
    affine->terms.push_back({SlotOf(term.atom), term.coefficient});
  }
  return true;
}

Access ExprCompiler::CompileAccess(const Buffer& buffer, const std::vector<Expr>& indices) {
  Access access{.slot = SlotOf(buffer), .buffer = buffer.get()};
  int64_t stride = 1;
  std::vector<Index> checked;
  for (size_t d = indices.size(); d-- > 0;) {
    Index index{.extent = buffer->shape[d], .stride = stride};
    stride *= buffer->shape[d];
    const bool affine = CompileAffine(indices[d], &index.affine);
    if (!affine) index.code = Compile(indices[d]);
    const int64_t at = index.affine.constant;
    if (affine && index.affine.terms.empty() && at >= 0 && at < index.extent) {
      access.offset += at * index.stride;
    } else {
      checked.insert(checked.begin(), std::move(index));
    }
  }
  access.indices = std::move(checked);
  return access;
}

}  // namespace tilewright::interpret
