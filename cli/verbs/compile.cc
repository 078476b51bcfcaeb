// tilewright compile: a model and the best records, made into a package.
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/endpoints/open_records.h"
#include "cli/endpoints/records_source.h"
#include "cli/files.h"
#include "cli/model/model_bindings.h"
#include "cli/model/model_options.h"
#include "cli/model/template_index.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "compiler/core/gpu_traits.h"
#include "runtime/device/device.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kExample[] =
    "  $ tilewright compile resnet18.onnx -o resnet18.tar\n"
    "  tilewright compile: 2 workloads have no record; their default schedules are used:\n"
    "    conv2d(float32[1,64,56,56],...)+bias+relu\n"
    "    dense(float32[1,512],float32[1000,512];,NK16n,)+bias\n"
    "  to tune them: tilewright tune resnet18.onnx --target 'cpu -mcpu=znver5'\n"
    "  resnet18.tar: 46.9 MB for cpu -mcpu=znver5\n"
    "  $ tilewright run resnet18.tar --print-time\n"
    "  $ tilewright compile bert.onnx --dim batch=1,8 -o bert.tar\n"
    "  bert.tar: 443.1 MB for cpu -mcpu=znver5\n"
    "    ids:1,128\n"
    "    ids:8,128 (fewer along dimension 0 too)\n";

struct Options {
  ModelOptions model;
  std::string output, dump;
  RecordsOption records;
  ModelLookup wanted;
  bool print_pass_times = false;
  bool reference = false;
  bool json = false;
};

struct PassTime {
  std::string name;
  double seconds;
};

void PrintPassTimes(const std::vector<PassTime>& times) {
  Table table({"pass", "ms"});
  for (const PassTime& time : times) {
    table.Add({time.name, absl::StrFormat("%.3f", time.seconds * 1e3)});
  }
  table.Print(std::cout);
}

constexpr size_t kMostListed = 5;  // a large network has hundreds of workloads

// On stderr, as a warning that a script's output does not see.
void PrintUntuned(const CompiledModel& compiled, const Options& options, const Target& target) {
  if (compiled.untuned.empty() || options.reference) return;
  const bool one = compiled.untuned.size() == 1;
  std::cerr << "tilewright compile: " << compiled.untuned.size()
            << (one ? " workload has no record; its default schedule is used:\n"
                    : " workloads have no record; their default schedules are used:\n");
  const size_t listed = std::min(compiled.untuned.size(), kMostListed);
  for (size_t i = 0; i < listed; ++i) {
    std::cerr << "  " << ShortKey(compiled.untuned[i]) << "\n";
  }
  if (const size_t more = compiled.untuned.size() - listed; more > 0) {
    std::cerr << "  and " << more << " more, which tilewright explain lists\n";
  }
  std::cerr << "to tune " << (one ? "it" : "them") << ": tilewright tune " << options.model.model;
  for (const std::string& shape : options.model.input_shapes) {
    std::cerr << " --input-shape '" << shape << "'";
  }
  for (const std::string& dim : options.model.dims) std::cerr << " --dim " << dim;
  for (const std::string& value : options.model.input_values) {
    std::cerr << " --input-value '" << value << "'";
  }
  if (options.wanted.threads > 1) std::cerr << " --threads " << options.wanted.threads;
  std::cerr << " --target '" << ToString(target) << "'\n";
}

// A GPU's machine code runs on one generation: which one was taken where nobody said one and no
// device did.
void PrintAssumedArchitecture(const Options& options, const Target& target) {
  const absl::StatusOr<Target> said = ParseTarget(options.model.target);
  if (!said.ok() || !IsGpu(target) || target.mcpu.empty()) return;
  if (ArchitectureNumber(*said) != 0) return;  // its own or the model's
  const runtime::DeviceSurvey survey = runtime::SurveyDevices(target.kind);
  if (!survey.devices.empty()) return;
  std::cerr << "tilewright compile: compiles for " << target.mcpu << ", the oldest architecture, "
            << "because "
            << (said->model.empty() ? "" : "-model=" + said->model + " is not known and ")
            << "there is no device here to ask (" << survey.missing
            << "); the package will not run on another generation: name yours, --target '"
            << target.kind << " -arch=sm_90' or -model=h100\n";
}

std::string ShapesText(const ExecutionPlan& plan) {
  return absl::StrJoin(plan.inputs, " ", [&plan](std::string* out, int id) {
    const PlanTensor& input = plan.tensors[static_cast<size_t>(id)];
    absl::StrAppend(out, input.name, ":", absl::StrJoin(input.shape, ","));
  });
}

// Dimensions of which a run may have fewer, by the first input that has each.
std::vector<int> PaddedAxes(const ExecutionPlan& plan) {
  std::vector<int> axes;
  for (const PlanPadding& padding : plan.padding) {
    axes.push_back(*std::find_if(padding.inputs.begin(), padding.inputs.end(),
                                 [](int axis) { return axis >= 0; }));
  }
  return axes;
}

Json BindingsJson(const CompiledModel& compiled) {
  Json bindings = Json::array();
  for (const ExecutionPlan& plan : compiled.plans) {
    Json inputs = Json::object();
    for (const int id : plan.inputs) {
      const PlanTensor& input = plan.tensors[static_cast<size_t>(id)];
      inputs[input.name] = input.shape;
    }
    bindings.push_back(
        {{"inputs", inputs}, {"padded", PaddedAxes(plan)}, {"unpadded", plan.unpadded}});
  }
  return bindings;
}

void PrintBindings(const CompiledModel& compiled) {
  for (const ExecutionPlan& plan : compiled.plans) {
    std::cout << "  " << ShapesText(plan);
    for (const int axis : PaddedAxes(plan)) {
      std::cout << " (fewer along dimension " << axis << " too)";
    }
    for (const std::string& why : plan.unpadded) std::cout << "\n    " << why;
    std::cout << "\n";
  }
}

// What a run of the verb wrote.
struct Written {
  const CompiledModel& compiled;
  Target target;
  size_t bytes = 0;
  std::vector<PassTime> times;
};

Json SummaryJson(const Options& options, const Written& written) {
  Json passes = Json::array();
  for (const PassTime& time : written.times) {
    passes.push_back({{"pass", time.name}, {"seconds", time.seconds}});
  }
  Json json = {{"package", options.output},
               {"bytes", written.bytes},
               {"target", ToString(written.target)},
               {"untuned", written.compiled.untuned},
               {"passes", passes}};
  if (written.compiled.plans.size() > 1) json["bindings"] = BindingsJson(written.compiled);
  return json;
}

void PrintSummary(const Options& options, const Written& written) {
  if (options.json) {
    std::cout << SummaryJson(options, written).dump(2) << "\n";
    return;
  }
  if (options.print_pass_times) PrintPassTimes(written.times);
  std::cout << options.output << ": "
            << absl::StrFormat("%.1f MB", static_cast<double>(written.bytes) * 1e-6) << " for "
            << ToString(written.target) << "\n";
  if (written.compiled.plans.size() > 1) PrintBindings(written.compiled);
}

// Makes `to` ask for the configs of all the model's workloads in one look-up. `records` must
// outlive it.
void LookUpAllAtOnce(const Options& options, const RecordsSource& records,
                     CompileModelOptions& to) {
  ModelLookup wanted = options.wanted;
  wanted.target = to.target;
  wanted.exact = options.model.exact;
  const auto among = std::make_shared<ConfigLookup>();
  to.before_lookups = [=,
                       &records](const std::vector<Workload>& workloads) mutable -> absl::Status {
    wanted.workloads = workloads;
    TW_ASSIGN_OR_RETURN(const std::vector<FoundConfig> found, records.LookUp(wanted));
    *among = LookupAmong(wanted, found);
    return absl::OkStatus();
  };
  to.lookup = [=](const Workload& workload, const Target& target) {
    return (*among)(workload, target);
  };
}

absl::Status Compile(const Options& options) {
  TW_ASSIGN_OR_RETURN(const RecordsSource records, RecordsSource::Open(options.records));
  CompileModelOptions to;
  TW_ASSIGN_OR_RETURN(to.target, TargetOf(options.model));
  PrintAssumedArchitecture(options, to.target);
  TW_ASSIGN_OR_RETURN(to.passes, PassesOf(options.model));
  TW_ASSIGN_OR_RETURN(const std::vector<ImportOptions> bindings, BindingsOf(options.model));
  OutputFile file(options.output, FileKind::kPackage,
                  {options.model.model, RecordsPath(options.records.named)});
  TW_RETURN_IF_ERROR(file.status());
  std::vector<PassTime> times;
  to.passes.after_pass = [&times](const PassInfo& pass, const Graph&, double seconds) {
    times.push_back({pass.name, seconds});
  };
  LookUpAllAtOnce(options, records, to);
  to.exact = options.model.exact;
  to.reference = options.reference;
  to.dump_dir = options.dump;
  TW_ASSIGN_OR_RETURN(const CompiledModel compiled,
                      CompileBindings(bindings.size(), GraphsOf(options.model, bindings), to));
  size_t bytes = 0;
  WritePackage(compiled, [&](std::string_view part) {
    file.stream() << part;
    bytes += part.size();
  });
  TW_RETURN_IF_ERROR(file.Commit());
  PrintUntuned(compiled, options, to.target);
  PrintSummary(options, {compiled, to.target, bytes, times});
  return absl::OkStatus();
}

}  // namespace

void verb_compile(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(
      parent, {"compile", "compiles a model into a package with the best records", kExample},
      [options] { return Compile(*options); });
  AddModelOptions(verb, &options->model);
  verb->add_option("-o,--output", options->output, "package to write (tar)")->required();
  AddRecordsOption(verb, &options->records);
  AddLookupOptions(verb, &options->wanted);
  verb->add_option("--dump", options->dump, "folder for the graph after each pass and all kernels");
  verb->add_flag("--print-pass-times", options->print_pass_times, "print how long each pass took");
  verb->add_flag("--reference", options->reference,
                 "no passes, no schedules: the plain definitions (slow)");
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
