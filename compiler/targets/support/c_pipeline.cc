#include "compiler/targets/support/c_pipeline.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/strings.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/tile.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

// Rows of 128 bytes, swizzled by as many, groups of eight 1024 bytes apart. Rows of the depth have
// 64 columns; the next 64 lie `leading` bytes on (PTX ISA, "Matrix Descriptor Format").
constexpr char kSlotFunctions[] = R"(
TW_FN tw_u64 tw_descriptor(tw_u32 address, tw_u32 leading) {
  return (tw_u64)(address >> 4 & 0x3fffu) | (tw_u64)(leading >> 4) << 16 |
         (tw_u64)(1024 >> 4) << 32 | (tw_u64)1 << 62;
}
)";

}  // namespace

BoxMap MapOf(const StmtNode& load) {
  const std::vector<int64_t>& slots = load.operands[0]->buffer->shape;
  const BufferNode* source = load.operands[1]->buffer.get();
  return {source, {slots.end() - static_cast<std::ptrdiff_t>(source->shape.size()), slots.end()}};
}

std::vector<BoxMap> MapsOf(const Program& program) {
  std::vector<BoxMap> maps;
  ForEachStmt(program.body, [&](const Stmt& s) {
    if (s->kind != StmtKind::kTile || s->tile->threads != TileThreads::kOne) return;
    BoxMap map = MapOf(*s);
    if (std::find(maps.begin(), maps.end(), map) == maps.end()) maps.push_back(std::move(map));
  });
  return maps;
}

const StmtNode* PipelineOf(const Program& program) {
  const StmtNode* found = nullptr;
  ForEachStmt(program.body, [&](const Stmt& s) {
    if (s->kind == StmtKind::kPipeline) found = s.get();
  });
  return found;
}

int64_t FillBytes(const StmtNode& pipeline) {
  int64_t bytes = 0;
  ForEachStmt(pipeline.body[0], [&](const Stmt& s) {
    TW_CHECK(s->kind == StmtKind::kTile || s->kind == StmtKind::kSeq) << "loads under a condition";
    if (s->kind != StmtKind::kTile) return;
    int64_t elements = 1;
    for (const int64_t extent : MapOf(*s).box) elements *= extent;
    bytes += elements * static_cast<int64_t>(SizeOf(s->tile->type));
  });
  return bytes;
}

std::string PipelineFunctions(const runtime::DeviceKind& kind) {
  TW_CHECK(!kind.pipeline_prelude.empty()) << kind.name() << " has no pipelines";
  return absl::StrCat(Sv(kind.pipeline_prelude), kSlotFunctions);
}

std::string NeedsText(const Program& program) {
  if (PipelineOf(program) == nullptr) return "";
  const std::vector<BoxMap> maps = MapsOf(program);
  std::vector<int64_t> words = {LaunchOf(program).shared_bytes, static_cast<int64_t>(maps.size())};
  for (const BoxMap& map : maps) {
    const auto is_source = [&](const Buffer& param) { return param.get() == map.source; };
    const auto operand = std::find_if(program.params.begin(), program.params.end(), is_source);
    words.push_back(operand - program.params.begin());
    words.push_back(static_cast<int64_t>(SizeOf(map.source->dtype)));
    words.push_back(static_cast<int64_t>(map.box.size()));
    words.insert(words.end(), map.source->shape.begin(), map.source->shape.end());
    words.insert(words.end(), map.box.begin(), map.box.end());
  }
  words.insert(words.begin(), static_cast<int64_t>(words.size()));
  return absl::StrCat("extern \"C\" TW_NEEDS long long tw_needs_", program.name, "[] = {",
                      absl::StrJoin(words, ", "), "};\n");
}

}  // namespace tilewright
