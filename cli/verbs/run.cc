// tilewright run: runs a compiled package, times it, prints tvmc's summary.
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/run/image_options.h"
#include "cli/run/input_files.h"
#include "cli/run/model_inputs.h"
#include "cli/run/profile.h"
#include "cli/run/time_summary.h"
#include "cli/run/top_classes.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright run resnet18.tar --fill random --print-time --repeat 10\n"
    "  Execution time summary:\n"
    "   mean (ms)   median (ms)    max (ms)     min (ms)     std (ms)  \n"
    "    19.1042      19.0618      19.5011      18.9376       0.1570   \n"
    "  $ tilewright run resnet18.tar -i image.npz -o scores.npz\n"
    "  $ tilewright run resnet18.tar -i cat.jpg --resize --mean 123.7,116.3,103.5 \\\n"
    "      --scale 58.4,57.1,57.4 --top 3 --labels imagenet.txt\n"
    "  output  row  class    value  label\n"
    "  output    0    281  14.2071  tabby\n"
    "  output    0    282  13.0554  tiger cat\n"
    "  output    0    285  11.8717  Egyptian cat\n";

struct Options {
  std::string package, fill = "random", device, labels;
  std::optional<std::string> outputs;
  std::vector<std::string> inputs;
  ImageOptions images;
  int64_t top = 0;
  size_t binding = 0;
  int repeat = 1, number = 1, warmup = 1, threads = 0;
  uint64_t seed = 0;
  bool print_time = false, profile = false, json = false;
};

// What timing found: per repeat the mean of its runs, and the calls of the plan.
struct Measured {
  std::vector<double> milliseconds;
  std::vector<TimedCall> calls;
};

absl::StatusOr<ModelHandle> Load(const Options& options) {
  tw_model* model = nullptr;
  const tw_status status =
      tw_load_on(options.package.c_str(), options.device.c_str(), options.threads, &model);
  if (status == TW_BAD_PACKAGE) {
    return absl::InvalidArgumentError(absl::StrCat(options.package, ": ", tw_last_error()));
  }
  TW_RETURN_IF_ERROR(StatusOf(status));
  return ModelHandle(model);
}

absl::Status PrepareInputs(tw_model* model, const Options& options) {
  if (options.inputs.empty()) {
    TW_RETURN_IF_ERROR(StatusOf(tw_select_binding(model, options.binding)));
    return FillInputs(model, options.fill, options.seed);
  }
  TW_ASSIGN_OR_RETURN(const std::vector<NamedInput> inputs, InputsOf(model));
  ImageOptions images = options.images;
  images.any_batch = tw_num_bindings(model) > 1;
  TW_ASSIGN_OR_RETURN(const std::vector<NpzArray> arrays,
                      ReadInputFiles(options.inputs, inputs, images));
  const absl::Status set = SetInputs(model, arrays);
  if (set.ok()) return set;
  return absl::InvalidArgumentError(
      absl::StrCat(absl::StrJoin(options.inputs, ", "), ": ", set.message()));
}

// Milliseconds of one run.
absl::StatusOr<double> TimeOneRun(tw_model* model) {
  const auto start = std::chrono::steady_clock::now();
  TW_RETURN_IF_ERROR(StatusOf(tw_run(model)));
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

absl::StatusOr<std::vector<double>> TimeRuns(tw_model* model, const Options& options) {
  for (int i = 0; i < options.warmup; ++i) TW_RETURN_IF_ERROR(StatusOf(tw_run(model)));
  std::vector<double> milliseconds;
  for (int repeat = 0; repeat < options.repeat; ++repeat) {
    double total = 0;
    for (int i = 0; i < options.number; ++i) {
      TW_ASSIGN_OR_RETURN(const double time, TimeOneRun(model));
      total += time;
    }
    milliseconds.push_back(total / options.number);
  }
  return milliseconds;
}

absl::StatusOr<Measured> Measure(tw_model* model, const Options& options) {
  Measured measured;
  if (!options.print_time && !options.profile && !options.json) {
    TW_RETURN_IF_ERROR(StatusOf(tw_run(model)));
    return measured;
  }
  TW_ASSIGN_OR_RETURN(measured.milliseconds, TimeRuns(model, options));
  if (options.profile) {
    TW_ASSIGN_OR_RETURN(measured.calls, ProfileCalls(model, options.repeat * options.number));
  }
  return measured;
}

void PrintJson(const tw_model* model, const Measured& measured,
               const std::vector<RankedClass>& classes) {
  const TimeSummary summary = Summarize(measured.milliseconds);
  nlohmann::ordered_json json = {{"milliseconds", measured.milliseconds},
                                 {"mean", summary.mean},
                                 {"median", summary.median},
                                 {"max", summary.max},
                                 {"min", summary.min},
                                 {"std", summary.deviation},
                                 {"weight_bytes", tw_weight_bytes(model)},
                                 {"arena_bytes", tw_arena_bytes(model)}};
  for (const TimedCall& call : measured.calls) {
    json["calls"].push_back({{"label", call.label},
                             {"kernel", call.kernel},
                             {"schedule", call.schedule},
                             {"milliseconds", call.milliseconds},
                             {"flops", call.flops}});
  }
  for (const RankedClass& best : classes) {
    json["top"].push_back({{"output", best.output},
                           {"row", best.row},
                           {"class", best.index},
                           {"value", best.value},
                           {"label", best.label}});
  }
  std::cout << json.dump(2) << "\n";
}

// Made before the work is done, so that a name that cannot be written is known at once.
absl::StatusOr<std::unique_ptr<OutputFile>> OpenOutputs(const Options& options) {
  if (!options.outputs) return nullptr;
  std::vector<std::string> read = {options.package, options.labels};
  for (const std::string& input : options.inputs) {
    read.push_back(input);
    read.push_back(input.substr(input.rfind('=') + 1));  // INPUT=FILE
  }
  auto file = std::make_unique<OutputFile>(*options.outputs, FileKind::kArrays, read);
  TW_RETURN_IF_ERROR(file->status());
  return file;
}

absl::Status WriteOutputs(const tw_model* model, OutputFile& file) {
  TW_ASSIGN_OR_RETURN(const std::vector<NpzArray> outputs, GetOutputs(model));
  TW_RETURN_IF_ERROR(file.OfDraft(WriteNpz(file.draft(), outputs)));
  return file.Commit();
}

absl::StatusOr<std::vector<std::string>> Labels(const Options& options) {
  if (options.labels.empty()) return std::vector<std::string>();
  return ReadLabels(options.labels);
}

absl::StatusOr<std::vector<RankedClass>> Classes(const tw_model* model, const Options& options,
                                                 const std::vector<std::string>& labels) {
  if (options.top == 0) return std::vector<RankedClass>();
  TW_ASSIGN_OR_RETURN(const std::vector<NpzArray> outputs, GetOutputs(model));
  return TopClasses(outputs, options.top, labels);
}

absl::Status Run(const Options& options) {
  TW_ASSIGN_OR_RETURN(const std::vector<std::string> labels, Labels(options));
  TW_ASSIGN_OR_RETURN(const ModelHandle model, Load(options));
  TW_RETURN_IF_ERROR(PrepareInputs(model.get(), options));
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file, OpenOutputs(options));
  TW_ASSIGN_OR_RETURN(const Measured measured, Measure(model.get(), options));
  TW_ASSIGN_OR_RETURN(const std::vector<RankedClass> classes,
                      Classes(model.get(), options, labels));
  if (options.json) {
    PrintJson(model.get(), measured, classes);
  } else {
    if (options.top > 0) std::cout << ToText(classes);
    if (options.profile) std::cout << ToText(measured.calls);
    if (options.print_time) std::cout << ToText(Summarize(measured.milliseconds));
  }
  return file == nullptr ? absl::OkStatus() : WriteOutputs(model.get(), *file);
}

}  // namespace

void verb_run(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"run", "runs a compiled model and times it", kExample},
                           [options] { return Run(*options); });
  verb->add_option("PACKAGE", options->package, "what `tilewright compile` wrote")->required();
  auto* inputs = verb->add_option("-i,--inputs", options->inputs,
                                  "[INPUT=]FILE, repeatable: .npz with one array per input, .npy, "
                                  "PNG or JPEG (several images of an input are its batch)")
                     ->allow_extra_args(false);
  AddImageOptions(*verb, *inputs, options->images);
  verb->add_option("-o,--outputs", options->outputs, "npz to write the outputs to");
  verb->add_option("--fill,--fill-mode", options->fill, "inputs made up: random, zeros or ones")
      ->check(CLI::IsMember({"random", "zeros", "ones"}))
      ->excludes(inputs);
  verb->add_option("--seed", options->seed, "of the random inputs");
  verb->add_option("--binding", options->binding,
                   "of made-up inputs: which of the package's shapes, counted from 0 (those of "
                   "files say it themselves)")
      ->excludes(inputs);
  auto* top = verb->add_option("--top", options->top, "print the best classes of each row, so many")
                  ->check(CLI::Range(1, 1'000'000));
  verb->add_option("--labels", options->labels, "their names: a text file, one a line in order")
      ->needs(top);
  verb->add_flag("--print-time", options->print_time, "print the execution time summary");
  verb->add_option("--repeat", options->repeat, "timed samples")->check(CLI::Range(1, 1000000));
  verb->add_option("--number", options->number, "runs averaged into a sample")
      ->check(CLI::Range(1, 1000000));
  verb->add_option("--warmup", options->warmup, "runs before the timed ones (default 1)")
      ->check(CLI::Range(0, 1000000));
  verb->add_option("--threads", options->threads,
                   "threads; default: TILEWRIGHT_NUM_THREADS or the CPUs this process may use")
      ->check(CLI::Range(1, 1024));
  verb->add_option("--device", options->device,
                   "cpu, opencl:0, cuda:1, emu:0, ...; default: the first that the package is for");
  verb->add_flag(
      "--profile", options->profile,
      "print each call's kernel, schedule, time and GFLOP/s, and the share of plain schedules");
  verb->add_flag("--json", options->json, "print the times as JSON");
}

}  // namespace tilewright
