#include "compiler/loop/threads.h"

#include <set>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/syntax.h"
#include "compiler/loop/tile.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

bool IsBound(const StmtNode& s) { return s.kind == StmtKind::kFor && s.axis != ThreadAxis::kNone; }

bool IsShared(const StmtNode& s) {
  return s.kind == StmtKind::kAlloc && s.buffer->scope == Scope::kShared;
}

// What all threads must come to.
bool IsMeeting(const StmtNode& s) {
  return s.kind == StmtKind::kBarrier || s.kind == StmtKind::kTile ||
         s.kind == StmtKind::kPipeline || s.kind == StmtKind::kLastBlock;
}

bool HasMeeting(const Stmt& s) {
  bool found = false;
  ForEachStmt(s, [&](const Stmt& part) { found = found || IsMeeting(*part); });
  return found;
}

absl::Status IllFormed(const std::string& what) { return absl::FailedPreconditionError(what); }

int64_t BarrierBytes(const StmtNode& pipeline) { return 2 * 8 * pipeline.slots; }

// More than any GPU gives a block.
constexpr int64_t kMaxSharedBytes = 256 << 10;

int64_t BytesOf(const StmtNode& alloc) {
  return NumBytes({.dtype = alloc.buffer->dtype, .shape = alloc.buffer->shape});
}

Stmt Unbound(const Stmt& s, LoopKind loop) {
  if (!IsBound(*s)) return s;
  return For(s->var, {s->min, s->extent}, loop, Unbound(s->body[0], LoopKind::kSerial));
}

class ThreadVerifier {
 public:
  explicit ThreadVerifier(const Program& program) : program_(program) {}

  absl::Status Run(const Stmt& s) {
    // The nest of blocks, shared buffers and threads, then what one thread does.
    Stmt at = s;
    for (int stage = 0; at != nullptr && (IsBound(*at) || IsShared(*at)); at = at->body[0]) {
      const int own = IsShared(*at) ? 1 : IsBlockAxis(at->axis) ? 0 : 2;
      if (own < stage) return IllFormed("blocks, shared buffers and threads nest in this order");
      stage = own;
      if (IsBound(*at)) TW_RETURN_IF_ERROR(CheckBound(*at));
      if (IsShared(*at) && (shared_bytes_ += BytesOf(*at)) > kMaxSharedBytes) {
        return IllFormed("more than 256 KiB of shared memory");
      }
    }
    return Check(at);
  }

 private:
  absl::Status CheckBound(const StmtNode& s) {
    const std::string axis(kAxisWords[static_cast<size_t>(s.axis)]);
    if (!axes_.insert(s.axis).second) return IllFormed(absl::StrCat("two loops are ", axis));
    const int64_t* min = AsInt(s.min);
    const int64_t* extent = AsInt(s.extent);
    if (min == nullptr || *min != 0 || extent == nullptr || s.loop != LoopKind::kSerial) {
      return IllFormed(absl::StrCat(axis, " must run from 0 to a constant"));
    }
    if (IsThreadAxis(s.axis)) thread_vars_.insert(s.var.get());
    if (s.axis == ThreadAxis::kThreadX) threads_x_ = *extent;
    if (s.axis > ThreadAxis::kThreadX) threads_yz_ *= *extent;
    return absl::OkStatus();
  }

  absl::Status Check(const Stmt& s) {
    if (s == nullptr) return absl::OkStatus();
    if (IsBound(*s)) return IllFormed("a loop bound to an axis must be in the outermost nest");
    if (IsShared(*s)) return IllFormed("a shared buffer must be declared outside the threads");
    if (s->kind == StmtKind::kTile && threads_x_ % kWarpThreads != 0) {
      return IllFormed(absl::StrCat(s->tile->name, " needs whole warps of 32 threads along x, ",
                                    "found ", threads_x_));
    }
    if (s->kind == StmtKind::kTile) TW_RETURN_IF_ERROR(CheckPart(*s->tile));
    if (s->kind == StmtKind::kPipeline) return CheckPipeline(*s);
    if (s->kind == StmtKind::kLastBlock) TW_RETURN_IF_ERROR(CheckLastBlock(*s));
    if (s->kind == StmtKind::kAtomicAdd) TW_RETURN_IF_ERROR(CheckAtomicAdd(*s));
    if (s->kind == StmtKind::kBarrier && part_ != Part::kNone) {
      return IllFormed("a barrier in a pipeline, where not all threads come");
    }
    if (part_ == Part::kUse && (s->kind == StmtKind::kStore || s->kind == StmtKind::kAtomicAdd)) {
      return IllFormed(
          "a pipeline's use multiplies alone; its products are there when it has ended");
    }
    if (part_ == Part::kFill && s->kind != StmtKind::kTile && s->kind != StmtKind::kSeq) {
      return IllFormed("a pipeline is filled by loads of boxes alone");
    }
    const bool branches = s->kind == StmtKind::kIf || s->kind == StmtKind::kFor;
    if (branches && HasMeeting(s)) {
      for (const Expr* e : {&s->min, &s->extent, &s->condition}) {
        if (!Differs(*e)) continue;
        return IllFormed("a barrier or tile that not all threads of a block may reach");
      }
    }
    // A loop whose bounds differ gives each thread its own values of the variable.
    if (s->kind == StmtKind::kFor && (Differs(s->min) || Differs(s->extent))) {
      thread_vars_.insert(s->var.get());
    }
    nested_ += branches;
    for (const Stmt& child : s->body) TW_RETURN_IF_ERROR(Check(child));
    nested_ -= branches;
    return absl::OkStatus();
  }

  absl::Status CheckPart(const TileOp& op) const {
    const bool fills = op.threads == TileThreads::kOne, uses = op.threads == TileThreads::kGroup;
    if (fills == (part_ == Part::kFill) && (!uses || part_ == Part::kUse)) return absl::OkStatus();
    return IllFormed(absl::StrCat(op.name, fills  ? " outside a pipeline's fill"
                                           : uses ? " outside a pipeline's use"
                                                  : " in a pipeline's fill"));
  }

  absl::Status CheckPipeline(const StmtNode& s) {
    if (std::exchange(has_pipeline_, true) || nested_ > 0) {
      return IllFormed("a pipeline must be alone, outside loops and conditions");
    }
    if (threads_yz_ != 1 || threads_x_ < kGroupThreads ||
        threads_x_ % kGroupThreads != kWarpThreads) {
      return IllFormed(absl::StrCat("a pipeline needs warpgroups of 128 threads and a warp along x",
                                    ", found ", threads_x_));
    }
    for (const auto& [part, body] : {std::pair{Part::kFill, s.body[0]}, {Part::kUse, s.body[1]}}) {
      part_ = part;
      TW_RETURN_IF_ERROR(Check(body));
    }
    part_ = Part::kNone;
    return absl::OkStatus();
  }

  absl::Status CheckLastBlock(const StmtNode& s) {
    if (std::exchange(has_last_block_, true) || nested_ > 0 || part_ != Part::kNone) {
      return IllFormed("what the last block does must be alone, outside loops and conditions");
    }
    const bool is_scratch = !program_.IsInput(s.buffer) && s.buffer != program_.params.back();
    if (s.buffer->scope != Scope::kGlobal || !is_scratch || s.buffer->dtype != DType::kI32) {
      return IllFormed(absl::StrCat("blocks come to an int32 that is written before the output, ",
                                    s.buffer->name, " is none"));
    }
    for (const Expr& index : s.indices) {
      if (Differs(index)) return IllFormed("threads of a block come to different counters");
    }
    if (*AsInt(s.extent) >= 1) return absl::OkStatus();
    return IllFormed("a counter needs a block that comes to it");
  }

  absl::Status CheckAtomicAdd(const StmtNode& s) const {
    const bool summed = s.buffer->dtype == DType::kF32 || s.buffer->dtype == DType::kI32;
    if (s.buffer != program_.params.back() || !summed) {
      return IllFormed(absl::StrCat("atomic sums are of an output of float32 or int32, ",
                                    s.buffer->name, " is none"));
    }
    bool used = false;
    ForEachStmt(program_.body, [&](const Stmt& other) {
      used = used || (other->kind == StmtKind::kStore && other->buffer == s.buffer);
    });
    ForEachExpr(program_.body, [&](const Expr& e) {
      used = used || (e->kind == ExprKind::kLoad && e->buffer == s.buffer);
    });
    if (!used) return absl::OkStatus();
    return IllFormed(
        absl::StrCat(s.buffer->name, " is added to atomically, and stored or read too"));
  }

  // Whether threads of a block may find different values.
  bool Differs(const Expr& e) const {
    bool differs = false;
    ForEachExpr(e, [&](const Expr& node) {
      differs = differs || node->kind == ExprKind::kLoad || thread_vars_.contains(node.get());
    });
    return differs;
  }

  const Program& program_;
  std::set<ThreadAxis> axes_;
  int64_t shared_bytes_ = 0;
  int64_t threads_x_ = 1, threads_yz_ = 1;
  enum class Part { kNone, kFill, kUse } part_ = Part::kNone;  // of a pipeline
  bool has_pipeline_ = false, has_last_block_ = false;
  int nested_ = 0;  // enclosing loops and conditions
  std::unordered_set<const ExprNode*> thread_vars_;
};

}  // namespace

bool IsGpuProgram(const Program& program) {
  bool found = false;
  ForEachStmt(program.body, [&](const Stmt& s) { found = found || IsBound(*s) || IsShared(*s); });
  return found;
}

Launch LaunchOf(const Program& program) {
  Launch launch;
  ForEachStmt(program.body, [&](const Stmt& s) {
    if (IsShared(*s)) launch.shared_bytes += BytesOf(*s);
    if (s->kind == StmtKind::kPipeline) launch.shared_bytes += BarrierBytes(*s);
    if (s->kind == StmtKind::kLastBlock) launch.shared_bytes += kLastBlockBytes;
    if (!IsBound(*s)) return;
    const bool block = IsBlockAxis(s->axis);
    const auto first = block ? ThreadAxis::kBlockX : ThreadAxis::kThreadX;
    const size_t dim = static_cast<size_t>(s->axis) - static_cast<size_t>(first);
    (block ? launch.grid : launch.block)[dim] = *AsInt(s->extent);
  });
  return launch;
}

absl::Status VerifyThreads(const Program& program) {
  if (!IsGpuProgram(program)) {
    return HasMeeting(program.body) ? IllFormed("a barrier or tile without threads")
                                    : absl::OkStatus();
  }
  const absl::Status status = ThreadVerifier(program).Run(program.body);
  if (status.ok()) return status;
  return IllFormed(absl::StrCat(program.name, ": ", status.message()));
}

Program WithoutThreads(const Program& program) {
  TW_CHECK(!HasMeeting(program.body) && LaunchOf(program).shared_bytes == 0) << program.name;
  Program serial = program;
  serial.body = Unbound(program.body, LoopKind::kParallel);
  return serial;
}

absl::Status CheckLaunch(const Launch& launch, const LaunchLimits& limits) {
  const auto check = [](int64_t found, int64_t allowed, std::string_view what) {
    if (found <= allowed) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(found, " ", Sv(what), "; the device allows ", allowed));
  };
  for (size_t d = 0; d < 3; ++d) {
    const std::string axis(1, "xyz"[d]);
    TW_RETURN_IF_ERROR(check(launch.block[d], limits.block[d], "threads a block along " + axis));
    TW_RETURN_IF_ERROR(check(launch.grid[d], limits.grid[d], "blocks along " + axis));
  }
  TW_RETURN_IF_ERROR(check(launch.threads(), limits.threads, "threads a block"));
  return check(launch.shared_bytes, limits.shared_bytes, "bytes of shared memory a block");
}

}  // namespace tilewright
