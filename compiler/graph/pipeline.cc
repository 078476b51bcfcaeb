#include "compiler/graph/pipeline.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "compiler/graph/passes/passes.h"

namespace tilewright {
namespace {

absl::Status CheckNames(const std::set<std::string>& disabled) {
  for (const std::string& name : disabled) {
    const auto known = [&](const PassInfo& pass) { return pass.name == name; };
    if (std::any_of(Passes().begin(), Passes().end(), known)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "no pass is named ", name,
        "; known: ", absl::StrJoin(Passes(), ", ", [](std::string* out, const PassInfo& pass) {
          out->append(pass.name);
        })));
  }
  return absl::OkStatus();
}

absl::Status RunPass(const PassInfo& pass, Graph& graph, const PassContext& context,
                     const PipelineOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  if (absl::Status status = pass.run(graph, context); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("pass ", pass.name, ": ", status.message()));
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (absl::Status status = Verify(graph); !status.ok()) {
    return absl::InternalError(absl::StrCat("pass ", pass.name, " broke the ", status.message()));
  }
  if (options.after_pass) options.after_pass(pass, graph, elapsed.count());
  return absl::OkStatus();
}

}  // namespace

const std::vector<PassInfo>& Passes() {
  static const std::vector<PassInfo> kPasses = {
      // First, so that nothing is spent on what nobody reads, and copies hide no pattern.
      {"eliminate_dead_nodes", "erase nodes no output needs, and copies", EliminateDeadNodes},
      // While quantised weights are still integers.
      {"run_in_integers", "run quantised anchors on integers", RunInIntegers},
      // After it, which looks for a quantiser beside the weights; before they become constants.
      {"convert_transposed", "turn transposed convolutions of stride 1 plain", ConvertTransposed},
      // Before every pattern: weights computed by nodes become constants, scalars literals.
      {"fold_constants", "evaluate nodes with constant inputs", FoldConstants},
      // Once weights are constants, and while anchors have no epilogues.
      {"narrow_to_bytes", "give bytes to integer anchors where CPUs have byte dots", NarrowToBytes},
      // Before what looks only at direct readers: an activation's several nodes are one.
      {"join_branches", "join maps that come from one value", JoinBranches},
      // Before epilogues, for the same reason.
      {"join_quantizers", "join dequantizers with the maps that read them", JoinQuantizers},
      // While softmax is the nodes it was imported as; the copies it leaves join others later.
      {"fuse_attention", "make softmax between two products one operator", FuseAttention},
      // Before the fusions into dense, which look only at direct readers.
      {"sink_reshapes", "move reshapes after dense below the maps that follow", SinkReshapes},
      // Before epilogues: a scale in between would stop them.
      {"fold_batch_norm", "fold per-channel scale and shift into weights", FoldBatchNorm},
      // While convolutions still read their pad directly, before it joins other data movement.
      {"fold_pads", "fold zero padding into convolutions", FoldPads},
      // Before elementwise fusion: work in the anchor's registers is cheapest.
      {"fuse_epilogues", "fuse bias, residual, scale, activation into anchors", FuseEpilogues},
      // In logical layouts, where positions are simplest; blocked ones are carried through after.
      {"fuse_elementwise", "fuse chains of maps, reductions, data movement", FuseElementwise},
      // After all fusion: the epilogue's tensors change layout with their anchor.
      {"choose_layouts", "block channels by the vector width, pack weights", ChooseLayouts},
      // Once every layout change exists: most have a partner.
      {"cancel_layout_changes", "carry blocked layouts through other nodes", CancelLayoutChanges},
      // Those that are left are passes over memory, which other copies may join.
      {"fuse_layout_changes", "fuse copies of rows into layout changes", FuseLayoutChanges},
      // Nothing looks into what it makes.
      {"fuse_rows", "fuse reductions of rows with the maps around them", FuseRows},
      // Last: of the maps that no other node has taken in.
      {"tune_nests", "make tasks of large maps", TuneNests},
  };
  return kPasses;
}

absl::Status RunPasses(Graph& graph, const PassContext& context, const PipelineOptions& options) {
  TW_RETURN_IF_ERROR(CheckNames(options.disabled));
  for (const PassInfo& pass : Passes()) {
    if (options.disabled.contains(pass.name)) continue;
    TW_RETURN_IF_ERROR(RunPass(pass, graph, context, options));
  }
  return absl::OkStatus();
}

}  // namespace tilewright
