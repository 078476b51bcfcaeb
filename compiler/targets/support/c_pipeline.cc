#include "compiler/targets/support/c_pipeline.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/tile.h"
#include "compiler/loop/visit.h"
#include "compiler/targets/support/emulator_prelude.h"

namespace tilewright {
namespace {

// Tensor maps and descriptors swizzle by the address, whose pattern repeats every 1024 bytes.
constexpr char kCudaSlots[] = R"(
struct __align__(64) tw_map { tw_u64 words[16]; };
#define TW_MAP(name) const __grid_constant__ tw_map name
#define TW_PLACE(S) tw_##S*
#define TW_SHARED_ADDRESS(place) ((tw_u32)__cvta_generic_to_shared(place))
#define TW_ROLLED _Pragma("unroll 1")
#define TW_OF_WARP(x) __shfl_sync(0xffffffffu, x, 0)
#define TW_DYNAMIC extern __shared__ __align__(1024) char tw_dynamic[]
#define TW_DYNAMIC_ARRAY(S, name, n, at) tw_##S* const name = (tw_##S*)(tw_dynamic + (at))
TW_FN void tw_barrier_init(tw_u64* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;"
               : : "r"(TW_SHARED_ADDRESS(barrier)), "r"(arrivals) : "memory");
}
TW_FN void tw_barrier_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" : : : "memory");
  asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
}
TW_FN void tw_barrier_arrive(tw_u64* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];"
               : : "r"(TW_SHARED_ADDRESS(barrier)) : "memory");
}
TW_FN void tw_barrier_expect(tw_u64* barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
               : : "r"(TW_SHARED_ADDRESS(barrier)), "r"(bytes) : "memory");
}
TW_FN void tw_barrier_wait(tw_u64* barrier, int parity) {
  asm volatile("{\n"
               ".reg .pred done;\n"
               "AGAIN:\n"
               "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
               "@done bra GO_ON;\n"
               "bra AGAIN;\n"
               "GO_ON:\n"
               "}"
               : : "r"(TW_SHARED_ADDRESS(barrier)), "r"(parity) : "memory");
}
TW_FN void tw_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" : : : "memory"); }
TW_FN void tw_wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" : : : "memory"); }
#define TW_WGMMA_WAIT(n) asm volatile("wgmma.wait_group.sync.aligned " #n ";" : : : "memory")
)";

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
    if (s->kind != StmtKind::kTile || !s->tile->loads_box) return;
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

std::string PipelineFunctions(CLanguage language) {
  TW_CHECK(language != CLanguage::kOpenCl) << "OpenCL C has no pipelines";
  return absl::StrCat(language == CLanguage::kCuda ? kCudaSlots : EmulatedSlots(), kSlotFunctions);
}

std::string NeedsText(const Program& program, CLanguage language) {
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
  const char* kind = language == CLanguage::kCuda ? "__constant__" : "const";
  return absl::StrCat("extern \"C\" ", kind, " long long tw_needs_", program.name, "[] = {",
                      absl::StrJoin(words, ", "), "};\n");
}

}  // namespace tilewright
