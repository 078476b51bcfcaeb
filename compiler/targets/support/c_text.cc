#include "compiler/targets/support/c_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "compiler/core/dtype_suffix.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/tile.h"
#include "compiler/loop/visit.h"
#include "compiler/targets/support/c_copy.h"
#include "compiler/targets/support/c_expr.h"
#include "compiler/targets/support/c_pipeline.h"
#include "compiler/targets/support/c_tile.h"
#include "compiler/targets/support/c_unroll.h"

namespace tilewright {
namespace {

// Elements of a buffer that 32-bit index arithmetic reaches with room for sums on the way.
constexpr int64_t kMaxNarrow = int64_t{1} << 30;

bool IsLarge(const Buffer& buffer) { return NumElements(buffer->shape) > kMaxNarrow; }

// Whether indices may be computed in 32 bits: buffers are small and no 64-bit integer is data.
bool IndicesAreNarrow(const Program& program) {
  bool narrow = true;
  for (const Buffer& buffer : program.params) {
    narrow = narrow && !IsLarge(buffer) && buffer->dtype != DType::kI64;
  }
  ForEachStmt(program.body, [&](const Stmt& s) {
    if (s->buffer != nullptr) narrow = narrow && s->buffer->dtype != DType::kI64;
  });
  ForEachExpr(program.body, [&](const Expr& e) {
    const bool casts = e->kind == ExprKind::kCast &&
                       (e->dtype == DType::kI64 || e->operands[0]->dtype == DType::kI64);
    const bool wide =
        e->kind == ExprKind::kInt && (e->ivalue > kMaxNarrow || e->ivalue < -kMaxNarrow);
    narrow = narrow && !casts && !(wide && e->dtype == DType::kI64);
  });
  return narrow;
}

const char* AxisMacro(ThreadAxis axis) {
  static constexpr const char* kMacros[] = {
      "", "TW_BLOCK_X", "TW_BLOCK_Y", "TW_BLOCK_Z", "TW_THREAD_X", "TW_THREAD_Y", "TW_THREAD_Z"};
  return kMacros[static_cast<size_t>(axis)];
}

// Subexpressions that a statement needs more than once and always evaluates, operands first.
class SharedParts {
 public:
  explicit SharedParts(const Expr& e) {
    Count(e, false);
    List(e);
  }
  const std::vector<Expr>& parts() const { return parts_; }

 private:
  struct Uses {
    int count = 0;
    bool always = false;
  };

  void Count(const Expr& e, bool conditional) {
    if (e->operands.empty()) return;
    Uses& uses = uses_[e.get()];
    ++uses.count;
    const bool known = uses.count > 1 && (uses.always || conditional);
    uses.always = uses.always || !conditional;
    if (known) return;
    const bool logic = e->kind == ExprKind::kBinary && e->dtype == DType::kBool &&
                       (e->op == BinaryOp::kAnd || e->op == BinaryOp::kOr);
    const bool branches = logic || e->kind == ExprKind::kSelect;
    for (size_t i = 0; i < e->operands.size(); ++i) {
      Count(e->operands[i], conditional || (branches && i > 0));
    }
  }

  void List(const Expr& e) {
    const auto uses = uses_.find(e.get());
    if (uses == uses_.end() || !uses->second.always || listed_[e.get()]) return;
    listed_[e.get()] = true;
    for (const Expr& operand : e->operands) List(operand);
    if (uses->second.count > 1) parts_.push_back(e);
  }

  std::unordered_map<const ExprNode*, Uses> uses_;
  std::unordered_map<const ExprNode*, bool> listed_;
  std::vector<Expr> parts_;
};

class Printer {
 public:
  explicit Printer(const Program& program)
      : program_(program), index_(IndicesAreNarrow(program) ? "tw_i32" : "tw_i64") {
    names_.exact = !IsFloat(program.params.back()->dtype);
  }

  std::string Run() {
    const Launch launch = LaunchOf(program_);
    std::vector<std::string> params;
    for (const Buffer& param : program_.params) {
      const char* const qualifier = program_.IsInput(param)           ? "TW_INPUT("
                                    : param == program_.params.back() ? "TW_OUTPUT("
                                                                      : "TW_SCRATCH(";
      params.push_back(
          absl::StrCat(qualifier, SuffixOf(param->dtype), ", ", NameBuffer(param), ")"));
    }
    const std::vector<BoxMap> maps = MapsOf(program_);
    for (const BoxMap& map : maps) {
      maps_.emplace_back(map, Fresh("map"));
      params.push_back(absl::StrCat("TW_MAP(", maps_.back().second, ")"));
    }
    pipeline_ = PipelineOf(program_);
    Line(absl::StrCat("TW_KERNEL(", absl::StrJoin(launch.block, ", "), ") ", program_.name, "(",
                      absl::StrJoin(params, ", "), ") {"));
    ++indent_;
    if (pipeline_ != nullptr) Line("TW_DYNAMIC;");
    Statement(program_.body);
    --indent_;
    Line("}");
    return std::move(out_);
  }

 private:
  void Line(const std::string& text) {
    out_.append(static_cast<size_t>(indent_) * 2, ' ');
    absl::StrAppend(&out_, text, "\n");
  }

  // No name of a program may be a word of the language.
  std::string Fresh(const std::string& name) { return absl::StrCat(name, "_", next_++); }

  std::string NameBuffer(const Buffer& buffer) {
    return names_.buffers[buffer.get()] = Fresh(buffer->name);
  }

  std::string Text(const Expr& e) { return CText(e, names_); }

  void Statement(const Stmt& s) {
    switch (s->kind) {
      case StmtKind::kFor: return s->axis == ThreadAxis::kNone ? Loop(*s) : Bound(*s);
      case StmtKind::kStore:
      case StmtKind::kAtomicAdd: return StoreLines(*s);
      case StmtKind::kIf: return Branch(*s);
      case StmtKind::kSeq:
        for (const Stmt& part : s->body) Statement(part);
        return;
      case StmtKind::kAlloc: return Declare(*s);
      case StmtKind::kPrefetch: return;
      case StmtKind::kBarrier: return Line("TW_BARRIER;");
      case StmtKind::kAsyncCommit: return Line("TW_ASYNC_COMMIT;");
      case StmtKind::kAsyncWait:
        return Line(absl::StrCat("TW_ASYNC_WAIT(", *AsInt(s->extent), ");"));
      case StmtKind::kTile:
        return Line(s->tile->threads == TileThreads::kOne ? BoxText(*s) : TileCallText(*s, names_));
      case StmtKind::kPipeline: return Pipeline(*s);
      case StmtKind::kLastBlock: return LastOfBlocks(*s);
    }
  }

  void Bound(const StmtNode& s) {
    NameVar(s);
    Line(absl::StrCat("const ", index_, " ", Text(s.var), " = ", AxisMacro(s.axis), ";"));
    Statement(s.body[0]);
  }

  void NameVar(const StmtNode& s) {
    names_.exprs[s.var.get()] = Fresh(s.var->name);
    const std::optional<Range> min = BoundsOf(s.min, names_.ranges);
    const std::optional<Range> extent = BoundsOf(s.extent, names_.ranges);
    if (min && extent) names_.ranges[s.var.get()] = {min->lo, min->hi + extent->hi - 1};
  }

  void Loop(const StmtNode& s) {
    if (const std::string copy = VectorCopyText(s, names_); !copy.empty()) return Line(copy);
    NameVar(s);
    Line(UnrollText(s));
    const std::string var = Text(s.var), min = Text(s.min);
    const std::string end = Text(Simplify(s.min + s.extent, names_.ranges));
    Line(absl::StrCat("for (", index_, " ", var, " = ", min, "; ", var, " < ", end, "; ++", var,
                      ") {"));
    Block(s.body[0]);
    Line("}");
  }

  // The box begins at indices that the instruction takes last dimension first.
  std::string BoxText(const StmtNode& s) {
    const auto map = std::find_if(maps_.begin(), maps_.end(),
                                  [&](const auto& known) { return known.first == MapOf(s); });
    const std::vector<Expr>& first = s.operands[1]->operands;
    std::string text = absl::StrCat(
        "tw_", s.tile->name, "(&", CElement(s.operands[0]->buffer, s.operands[0]->operands, names_),
        ", ", map->second, ", &", full_);
    for (size_t d = first.size(); d-- > 0;) absl::StrAppend(&text, ", (int)(", Text(first[d]), ")");
    return text + ");";
  }

  void Pipeline(const StmtNode& s) {
    const int64_t users = LaunchOf(program_).threads() - kWarpThreads;
    const std::string full = DeclareBarriers("full", s.slots);
    const std::string empty = DeclareBarriers("empty", s.slots);
    Line(absl::StrCat("for (int i = 0; TW_THREAD_X == 0 && i < ", s.slots, "; ++i) {"));
    Line(absl::StrCat("  tw_barrier_init(&", full, "[i], 1);"));
    Line(absl::StrCat("  tw_barrier_init(&", empty, "[i], ", users / kWarpThreads, ");"));
    Line("}");
    Line("tw_barrier_fence();");
    Line("TW_BARRIER;");
    NameVar(s);
    const std::string step = Text(s.var);
    const std::string slot = absl::StrCat("[", step, " % ", s.slots, "]");
    const std::string parity = absl::StrCat(step, " / ", s.slots, " % 2");
    const std::string steps = absl::StrCat("for (", index_, " ", step, " = 0; ", step, " < ",
                                           *AsInt(s.extent), "; ++", step, ") {");
    full_ = absl::StrCat(full, slot);
    // Of a warp, so that the compiler knows that its threads stay together.
    Line(absl::StrCat("if (TW_OF_WARP(TW_THREAD_X / 32) < ", users / kWarpThreads, ") {"));
    // One fence and one wait for all of a slot's products, so that they follow each other.
    PipelinePart(
        steps, {absl::StrCat("tw_barrier_wait(&", full_, ", ", parity, ");"), "tw_wgmma_fence();"},
        s.body[1],
        {"tw_wgmma_commit();", "TW_WGMMA_WAIT(0);",
         absl::StrCat("if (TW_THREAD_X % 32 == 0) tw_barrier_arrive(&", empty, slot, ");")});
    Line(absl::StrCat("} else if (TW_THREAD_X == ", users, ") {"));
    PipelinePart(steps,
                 {absl::StrCat("tw_barrier_wait(&", empty, slot, ", 1 - ", parity, ");"),
                  absl::StrCat("tw_barrier_expect(&", full_, ", ", FillBytes(s), ");")},
                 s.body[0], {});
    Line("}");
  }

  // Rolled: the compiler sets the sums of an unrolled first step to zero after the fence.
  void PipelinePart(const std::string& steps, const std::vector<std::string>& before,
                    const Stmt& body, const std::vector<std::string>& after) {
    Line("  TW_UNROLL_BY(1)");
    Line("  " + steps);
    indent_ += 2;
    for (const std::string& line : before) Line(line);
    Statement(body);
    for (const std::string& line : after) Line(line);
    indent_ -= 2;
    Line("  }");
  }

  std::string DeclareBarriers(const char* name, int64_t slots) {
    const std::string fresh = Fresh(name);
    Line(absl::StrCat("TW_DYNAMIC_ARRAY(u64, ", fresh, ", ", slots, ", ", dynamic_bytes_, ");"));
    dynamic_bytes_ += slots * 8;
    return fresh;
  }

  // What a block wrote is seen by whoever sees its arrival: fence, arrival, fence, and barriers so
  // that one thread's stand for all (PTX ISA, "Memory Consistency Model", causality order).
  void LastOfBlocks(const StmtNode& s) {
    const std::string last = DeclareLast();
    Line("TW_FENCE;");
    Line("TW_BARRIER;");
    Line(absl::StrCat("if (TW_THREAD_X + TW_THREAD_Y + TW_THREAD_Z == 0) ", last,
                      "[0] = tw_is_last(&", CElement(s.buffer, s.indices, names_), ", ",
                      *AsInt(s.extent), ");"));
    Line("TW_BARRIER;");
    Line(absl::StrCat("if (", last, "[0] != 0) {"));
    ++indent_;
    Line("TW_FENCE;");
    Statement(s.body[0]);
    --indent_;
    Line("}");
  }

  // Where its threads are told whether the block is the last.
  std::string DeclareLast() {
    const std::string last = Fresh("last");
    if (pipeline_ == nullptr) {
      Line(absl::StrCat("TW_SHARED_ARRAY(i32, ", last, ", 1);"));
    } else {
      Line(absl::StrCat("TW_DYNAMIC_ARRAY(i32, ", last, ", 1, ", dynamic_bytes_, ");"));
      dynamic_bytes_ += kLastBlockBytes;
    }
    return last;
  }

  void Block(const Stmt& s) {
    ++indent_;
    Statement(s);
    --indent_;
  }

  void Branch(const StmtNode& s) {
    Line(absl::StrCat("if (", Text(s.condition), ") {"));
    Block(s.body[0]);
    if (s.body.size() > 1) {
      Line("} else {");
      Block(s.body[1]);
    }
    Line("}");
  }

  void Declare(const StmtNode& s) {
    const bool shared = s.buffer->scope == Scope::kShared;
    if (shared && pipeline_ != nullptr) return DeclareDynamic(s);
    const char* array = shared                 ? "TW_SHARED_ARRAY("
                        : IsAligned(*s.buffer) ? "TW_ALIGNED_ARRAY("
                                               : "TW_ARRAY(";
    Line(absl::StrCat(array, SuffixOf(s.buffer->dtype), ", ", NameBuffer(s.buffer), ", ",
                      std::max<int64_t>(1, NumElements(s.buffer->shape)), ");"));
    Statement(s.body[0]);
  }

  // Where the launch gives the memory; slots start at multiples of 1024 bytes.
  void DeclareDynamic(const StmtNode& s) {
    const int64_t elements = NumElements(s.buffer->shape);
    Line(absl::StrCat("TW_DYNAMIC_ARRAY(", SuffixOf(s.buffer->dtype), ", ", NameBuffer(s.buffer),
                      ", ", elements, ", ", dynamic_bytes_, ");"));
    dynamic_bytes_ += elements * static_cast<int64_t>(SizeOf(s.buffer->dtype));
    Statement(s.body[0]);
  }

  // Subexpressions that are needed twice are computed once, in a block of their own.
  void StoreLines(const StmtNode& s) {
    const SharedParts shared(s.value);
    const bool block = !shared.parts().empty();
    if (block) {
      Line("{");
      ++indent_;
    }
    for (const Expr& part : shared.parts()) {
      const std::string type = part->dtype == DType::kI64 ? index_ : CValueType(part->dtype);
      const std::string value = Text(part);
      names_.exprs[part.get()] = Fresh("t");
      Line(absl::StrCat("const ", type, " ", Text(part), " = ", value, ";"));
    }
    const std::string place = CElement(s.buffer, s.indices, names_);
    const std::string value = CStored(s.value, names_);
    Line(s.kind == StmtKind::kStore
             ? absl::StrCat(place, " = ", value, ";")
             : absl::StrCat("tw_add_", SuffixOf(s.buffer->dtype), "(&", place, ", ", value, ");"));
    for (const Expr& part : shared.parts()) names_.exprs.erase(part.get());
    if (!block) return;
    --indent_;
    Line("}");
  }

  const Program& program_;
  const std::string index_;  // type of loop variables
  CNames names_;
  std::vector<std::pair<BoxMap, std::string>> maps_;
  const StmtNode* pipeline_ = nullptr;
  int64_t dynamic_bytes_ = 0;  // of those declared so far
  std::string full_;           // the barrier of the slot that is filled
  std::string out_;
  int indent_ = 0;
  int next_ = 0;
};

}  // namespace

std::string KernelText(const Program& program) { return Printer(program).Run(); }

}  // namespace tilewright
