// The graph passes; each is described in its file and ordered in pipeline.cc. All leave the graph
// verified, in topological order and without dead nodes.
#pragma once

#include "absl/status/status.h"
#include "compiler/graph/pipeline.h"

namespace tilewright {

absl::Status EliminateDeadNodes(Graph& graph, const PassContext& context);
absl::Status RunInIntegers(Graph& graph, const PassContext& context);
absl::Status ConvertTransposed(Graph& graph, const PassContext& context);
absl::Status FoldConstants(Graph& graph, const PassContext& context);
absl::Status NarrowToBytes(Graph& graph, const PassContext& context);
absl::Status JoinBranches(Graph& graph, const PassContext& context);
absl::Status JoinQuantizers(Graph& graph, const PassContext& context);
absl::Status FuseAttention(Graph& graph, const PassContext& context);
absl::Status SinkReshapes(Graph& graph, const PassContext& context);
absl::Status FoldBatchNorm(Graph& graph, const PassContext& context);
absl::Status FoldPads(Graph& graph, const PassContext& context);
absl::Status FuseEpilogues(Graph& graph, const PassContext& context);
absl::Status FuseElementwise(Graph& graph, const PassContext& context);
absl::Status ChooseLayouts(Graph& graph, const PassContext& context);
absl::Status CancelLayoutChanges(Graph& graph, const PassContext& context);
absl::Status FuseLayoutChanges(Graph& graph, const PassContext& context);
absl::Status FuseRows(Graph& graph, const PassContext& context);
absl::Status TuneNests(Graph& graph, const PassContext& context);

}  // namespace tilewright
