// tilewright check: whether a model compiles, which layers are tuned, which are slow, and why.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "cli/endpoints/open_records.h"
#include "cli/endpoints/records_source.h"
#include "cli/model/model_bindings.h"
#include "cli/model/model_options.h"
#include "cli/model/template_index.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kExample[] =
    "  $ tilewright check detector.onnx\n"
    "  layers  share %  how      operator          why\n"
    "      21     96.2  default  conv2d+bias+relu  no record: tilewright tune detector.onnx\n"
    "       1      3.1  fixed    conv              no template for convolutions of int32\n"
    "       9      0.7  fixed    add\n"
    "  $ tilewright check other.onnx\n"
    "  tilewright check: 2 problems:\n"
    "    node \"a\" (Foo): operator Foo is not supported (`tilewright operators` lists those that "
    "are)\n"
    "    node \"b\" (Bar): operator Bar is not supported (`tilewright operators` lists those that "
    "are)\n";

struct Options {
  ModelOptions model;
  RecordsOption records;
  ModelLookup wanted;
  bool json = false;
};

// Layers that are computed alike.
struct Row {
  std::string what;  // operator with its epilogue
  std::string how;   // "tuned", "default": by a template; "fixed": by the schedule of all others
  std::string why;
  std::vector<std::string> nodes;
  double operations = 0;
};

// Definitions that would be tunable for other element types.
std::string WhyFixed(const Compute& compute, const std::string& op) {
  static const std::map<std::string, std::string> kinds = {
      {"conv", "convolutions"}, {"dense", "matrix products"}, {"batch_matmul", "matrix products"}};
  if (compute.procedure != nullptr) {
    return LowerPlain(compute).ParallelExtent() > 1 ? "" : "runs in order, on one thread";
  }
  const auto kind = kinds.find(op);
  if (kind == kinds.end()) return "";
  return absl::StrCat("no template for ", kind->second, " of ", Sv(NameOf(compute.body->dtype)),
                      compute.axes.size() > 4 ? " in so many dimensions" : "");
}

absl::StatusOr<Row> Judge(const Node& node, const Options& options, const Target& target,
                          const ConfigLookup& lookup) {
  if (!node.workload) {
    return Row{.what = node.op,
               .how = "fixed",
               .why = WhyFixed(node.compute, node.op),
               .operations = static_cast<double>(Iterations(node.compute))};
  }
  const Workload& workload = *node.workload;
  Row row{.what = OperatorText(workload), .operations = Flops(workload)};
  TW_ASSIGN_OR_RETURN(const auto best, lookup(workload, target));
  if (best) {
    row.how = "tuned";
    row.why = absl::StrFormat("%s, %.4f ms", best->template_name, best->seconds * 1e3);
  } else if (UntunedTemplate(workload, target, options.model.exact)) {
    row.how = "default";
    row.why = absl::StrCat("no record: tilewright tune ", options.model.model);
  } else {
    row.how = "fixed";
    row.why = absl::StrCat("no template for ", target.kind);
  }
  return row;
}

// The most work first.
absl::StatusOr<std::vector<Row>> JudgeAll(const Graph& graph, const Options& options,
                                          const Target& target, const ConfigLookup& lookup) {
  std::map<std::vector<std::string>, Row> rows;
  for (const Node& node : graph.nodes) {
    TW_ASSIGN_OR_RETURN(Row row, Judge(node, options, target, lookup));
    Row& sum = rows[{row.what, row.how, row.why}];
    row.operations += sum.operations;
    row.nodes = std::move(sum.nodes);
    row.nodes.push_back(node.name);
    sum = std::move(row);
  }
  std::vector<Row> sorted;
  for (auto& [key, row] : rows) sorted.push_back(std::move(row));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Row& a, const Row& b) { return a.operations > b.operations; });
  return sorted;
}

double TotalOf(const std::vector<Row>& rows) {
  double total = 0;
  for (const Row& row : rows) total += row.operations;
  return total;
}

// What was found of one of the model's bindings.
struct Checked {
  std::string binding;  // "batch=4", "data:1,3,224,224"; empty where nothing is bound
  std::vector<Row> rows;
};

std::string TextOf(const ImportOptions& binding) {
  std::vector<std::string> parts;
  for (const auto& [input, shape] : binding.input_shapes) {
    parts.push_back(absl::StrCat(input, ":", absl::StrJoin(shape, ",")));
  }
  for (const auto& [dim, size] : binding.dims) parts.push_back(absl::StrCat(dim, "=", size));
  return absl::StrJoin(parts, " ");
}

void PrintTable(const std::vector<Row>& rows) {
  const double total = TotalOf(rows);
  Table table({"layers", "share %", "how", "operator", "why"});
  for (const Row& row : rows) {
    table.Add({absl::StrCat(row.nodes.size()),
               absl::StrFormat("%.1f", 100 * row.operations / total), row.how, row.what, row.why});
  }
  table.Print(std::cout);
}

// A table for each of several bindings, under its name.
void PrintTables(const std::vector<Checked>& all) {
  for (const Checked& one : all) {
    if (all.size() > 1) std::cout << one.binding << "\n";
    PrintTable(one.rows);
  }
}

Json LayersJson(const std::vector<Row>& rows) {
  const double total = TotalOf(rows);
  Json layers = Json::array();
  for (const Row& row : rows) {
    layers.push_back({{"operator", row.what},
                      {"how", row.how},
                      {"why", row.why},
                      {"share", row.operations / total},
                      {"nodes", row.nodes}});
  }
  return layers;
}

// "layers" of one binding, "bindings" of several.
void PrintJson(const std::vector<Checked>& all) {
  Json json = {{"supported", true}};
  if (all.size() == 1) json["layers"] = LayersJson(all[0].rows);
  for (size_t i = 0; all.size() > 1 && i < all.size(); ++i) {
    json["bindings"].push_back({{"binding", all[i].binding}, {"layers", LayersJson(all[i].rows)}});
  }
  std::cout << json.dump(2) << "\n";
}

// The problems on stdout too, for scripts: each a line of the message.
void PrintProblems(const absl::Status& status) {
  Json problems = Json::array();
  std::vector<std::string> lines = absl::StrSplit(std::string(status.message()), "\n  ");
  if (lines.size() > 1) lines.erase(lines.begin());
  for (const std::string& line : lines) problems.push_back(line);
  std::cout << Json{{"supported", false}, {"problems", problems}}.dump(2) << "\n";
}

// What all bindings are checked by.
struct Criteria {
  const Options& options;
  const RecordsSource& records;
  Target target;
  PipelineOptions passes;
};

absl::StatusOr<std::vector<Row>> CheckGraph(Graph graph, const Criteria& by) {
  TW_RETURN_IF_ERROR(
      RunPasses(graph, {.target = by.target, .evaluate = MakeConstantEvaluator()}, by.passes));
  ModelLookup wanted = by.options.wanted;
  wanted.target = by.target;
  wanted.exact = by.options.model.exact;
  for (const ExtractedWorkload& one : ExtractWorkloads(graph)) {
    wanted.workloads.push_back(one.workload);
  }
  TW_ASSIGN_OR_RETURN(const std::vector<FoundConfig> found, by.records.LookUp(wanted));
  return JudgeAll(graph, by.options, by.target, LookupAmong(wanted, found));
}

absl::Status Check(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Target target, TargetOf(options.model));
  TW_ASSIGN_OR_RETURN(const PipelineOptions passes, PassesOf(options.model));
  TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
  TW_ASSIGN_OR_RETURN(const std::vector<ImportOptions> bindings, BindingsOf(options.model));
  std::vector<Checked> all;
  for (const ImportOptions& binding : bindings) {
    absl::StatusOr<Graph> graph = LoadModel(options.model, binding);
    if (!graph.ok() && options.json) PrintProblems(graph.status());
    TW_RETURN_IF_ERROR(graph.status());
    all.push_back({.binding = TextOf(binding)});
    TW_ASSIGN_OR_RETURN(all.back().rows,
                        CheckGraph(*std::move(graph), {options, records, target, passes}));
  }
  options.json ? PrintJson(all) : PrintTables(all);
  return absl::OkStatus();
}

}  // namespace

void verb_check(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"check", "says whether a model compiles, and what in it is slow", kExample},
              [options] { return Check(*options); });
  AddModelOptions(verb, &options->model);
  AddRecordsOption(verb, &options->records);
  AddLookupOptions(verb, &options->wanted);
  verb->add_flag("--json", options->json, "print JSON, of the problems too");
}

}  // namespace tilewright
