// tilewright quantize: a model in eight-bit integers or 16-bit floats, and what that costs.
#include <cmath>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/model/model_options.h"
#include "cli/model/observed_model.h"
#include "cli/npz/npz.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "compiler/onnx/quantize/linear_layers.h"
#include "compiler/onnx/quantize/model_edit.h"
#include "compiler/onnx/quantize/model_source.h"
#include "compiler/onnx/quantize/narrow_floats.h"
#include "compiler/onnx/quantize/qdq.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright quantize resnet18.onnx --calibration images.npz -o resnet18_int8.onnx\n"
    "  layer     operator  from    to     error\n"
    "  conv1     Conv      -2.118  2.640  0.0061\n"
    "  ...\n"
    "  resnet18_int8.onnx: int8, 21 layers, largest error 0.0312\n"
    "  $ tilewright quantize resnet18.onnx --to bf16 -o resnet18_bf16.onnx\n"
    "An array of images.npz is an input, or several behind one another. The error of a layer is "
    "the\n"
    "root mean square of its difference over that of its output. The model written is plain ONNX;\n"
    "compile, tune and run it as any other.\n";

struct Options {
  ModelOptions model;
  std::vector<std::string> calibration;
  std::string output;
  std::string to = "int8", method = "minmax";
  double percentile = 99.99;
  bool per_tensor = false;
  bool json = false;
};

struct LayerError {
  LinearLayer layer;
  ValueRange range;
  double difference = 0, scale = 0;  // sums of squares
  double Relative() const { return scale > 0 ? std::sqrt(difference / scale) : 0; }
};

ValueRange RangeOf(const ValueHistogram& histogram, const Options& options) {
  if (options.method == "percentile") return histogram.Percentile(options.percentile);
  return options.method == "entropy" ? histogram.Entropy() : histogram.MinMax();
}

absl::StatusOr<std::vector<Sample>> SamplesOf(const ObservedModel& model, const std::string& path) {
  TW_ASSIGN_OR_RETURN(const std::vector<NpzArray> arrays, ReadNpz(path));
  return model.Split(arrays);
}

absl::StatusOr<std::vector<Sample>> ReadSamples(const ObservedModel& model,
                                                const Options& options) {
  std::vector<Sample> samples;
  for (const std::string& path : options.calibration) {
    const absl::StatusOr<std::vector<Sample>> read = SamplesOf(model, path);
    if (!read.ok()) {
      return BadInput(
          absl::Status(read.status().code(), absl::StrCat(path, ": ", read.status().message())));
    }
    samples.insert(samples.end(), read->begin(), read->end());
  }
  return samples;
}

// The model that is quantized.
struct Source {
  onnx::ModelProto model;
  ImportOptions import;
};

// What the layers read on all samples.
absl::StatusOr<std::map<std::string, ValueRange>> Calibrate(const Source& source,
                                                            const std::vector<LinearLayer>& layers,
                                                            const Options& options) {
  std::map<std::string, ValueHistogram> seen;
  for (const LinearLayer& layer : layers) seen[layer.input];
  std::vector<std::string> names;
  for (const auto& [name, histogram] : seen) names.push_back(name);
  TW_ASSIGN_OR_RETURN(ObservedModel observed,
                      ObservedModel::Make(source.model, names, source.import));
  TW_ASSIGN_OR_RETURN(const std::vector<Sample> samples, ReadSamples(observed, options));
  for (const Sample& sample : samples) {
    TW_ASSIGN_OR_RETURN(const auto values, observed.Run(sample));
    for (size_t i = 0; i < names.size(); ++i) seen[names[i]].Add(values[i]);
  }
  std::map<std::string, ValueRange> ranges;
  for (const auto& [name, histogram] : seen) {
    if (histogram.not_finite() > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("the calibration data makes ", histogram.not_finite(), " values of ", name,
                       " infinite or not a number: no range holds them"));
    }
    ranges[name] = RangeOf(histogram, options);
  }
  return ranges;
}

absl::Status AddErrors(const Source& source, const onnx::ModelProto& narrow, const Options& options,
                       std::vector<LayerError>* errors) {
  std::vector<std::string> names;
  for (const LayerError& error : *errors) names.push_back(error.layer.output);
  TW_ASSIGN_OR_RETURN(ObservedModel before,
                      ObservedModel::Make(source.model, names, source.import));
  TW_ASSIGN_OR_RETURN(ObservedModel after, ObservedModel::Make(narrow, names, source.import));
  TW_ASSIGN_OR_RETURN(const std::vector<Sample> samples, ReadSamples(before, options));
  for (const Sample& sample : samples) {
    TW_ASSIGN_OR_RETURN(const auto want, before.Run(sample));
    TW_ASSIGN_OR_RETURN(const auto got, after.Run(sample));
    for (size_t layer = 0; layer < names.size(); ++layer) {
      for (size_t i = 0; i < want[layer].size(); ++i) {
        const double wanted = want[layer][i], difference = got[layer][i] - wanted;
        (*errors)[layer].difference += difference * difference;
        (*errors)[layer].scale += wanted * wanted;
      }
    }
  }
  return absl::OkStatus();
}

std::string ErrorText(double error) { return absl::StrFormat("%.2g", error); }

void Print(const Options& options, const std::vector<LayerError>& errors) {
  double largest = 0;
  for (const LayerError& e : errors) largest = std::fmax(largest, e.Relative());
  const bool measured = !options.calibration.empty(), ranges = options.to == "int8";
  if (options.json) {
    nlohmann::ordered_json layers = nlohmann::ordered_json::array();
    for (const LayerError& e : errors) {
      nlohmann::ordered_json& layer =
          layers.emplace_back(nlohmann::ordered_json{{"layer", e.layer.name}, {"op", e.layer.op}});
      if (ranges) layer["range"] = {e.range.lo, e.range.hi};
      if (measured) layer["error"] = e.Relative();
    }
    std::cout << nlohmann::ordered_json{{"model", options.output},
                                        {"to", options.to},
                                        {"layers", layers}}
                     .dump(2)
              << "\n";
    return;
  }
  Table table({"layer", "operator", "from", "to", "error"});
  for (const LayerError& e : errors) {
    table.Add({e.layer.name, e.layer.op, ranges ? absl::StrFormat("%.4g", e.range.lo) : "-",
               ranges ? absl::StrFormat("%.4g", e.range.hi) : "-", ErrorText(e.Relative())});
  }
  if (measured) table.Print(std::cout);
  std::cout << options.output << ": " << options.to << ", " << errors.size() << " layers";
  if (measured) std::cout << ", largest error " << ErrorText(largest);
  std::cout << "\n";
}

// From which on the standard lets convolutions and matrix products have this type.
void WarnOfOpset(const onnx::ModelProto& model, const Options& options) {
  constexpr int64_t kConvOfBfloat16 = 22;
  if (options.to != "bf16" || OpsetOf(model) >= kConvOfBfloat16) return;
  std::cerr << "tilewright quantize: the model has opset " << OpsetOf(model)
            << "; other runtimes take bfloat16 layers from opset " << kConvOfBfloat16 << " on\n";
}

absl::Status Write(const onnx::ModelProto& model, OutputFile& file) {
  if (model.ByteSizeLong() > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError("the model is larger than 2 GiB, which no ONNX file can be");
  }
  model.SerializeToOstream(&file.stream());  // Commit says what was not written
  return file.Commit();
}

absl::StatusOr<onnx::ModelProto> Narrowed(const Source& source, const Options& options,
                                          std::vector<LayerError>* errors) {
  if (options.to == "bf16") return WithNarrowFloats(source.model, DType::kBF16);
  if (options.to == "fp16") return WithNarrowFloats(source.model, DType::kF16);
  if (options.calibration.empty()) {
    return UsageError("int8 needs --calibration FILE.npz: inputs as the model will see them");
  }
  std::vector<LinearLayer> layers;
  for (const LayerError& error : *errors) layers.push_back(error.layer);
  TW_ASSIGN_OR_RETURN(const auto ranges, Calibrate(source, layers, options));
  for (LayerError& error : *errors) error.range = ranges.at(error.layer.input);
  return WithQuantizers(source.model, ranges, {.per_channel = !options.per_tensor});
}

absl::Status Quantize(const Options& options) {
  std::vector<std::string> inputs = options.calibration;
  inputs.push_back(options.model.model);
  OutputFile file(options.output, FileKind::kModel, inputs);
  TW_RETURN_IF_ERROR(file.status());
  TW_ASSIGN_OR_RETURN(ImportOptions import, ImportOptionsOf(options.model));
  absl::StatusOr<onnx::ModelProto> model = ReadWholeModel(options.model.model);
  if (!model.ok()) return BadInput(model.status());
  const Source source{*std::move(model), std::move(import)};
  std::vector<LayerError> errors;
  for (LinearLayer& layer : LinearLayers(source.model.graph())) {
    errors.push_back({std::move(layer)});
  }
  TW_ASSIGN_OR_RETURN(onnx::ModelProto narrow, Narrowed(source, options, &errors));
  if (!options.calibration.empty()) {
    TW_RETURN_IF_ERROR(AddErrors(source, narrow, options, &errors));
  }
  narrow.set_producer_name("tilewright quantize");
  TW_RETURN_IF_ERROR(Write(narrow, file));
  WarnOfOpset(narrow, options);
  Print(options, errors);
  return absl::OkStatus();
}

}  // namespace

void verb_quantize(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"quantize", "writes a model in 8-bit integers or 16-bit floats", kExample},
              [options] { return Quantize(*options); });
  AddModelFileOptions(verb, &options->model);
  verb->add_option("-o,--output", options->output, "ONNX file to write")->required();
  verb->add_option("--calibration", options->calibration,
                   "npz of inputs as the model will see them; may be repeated");
  verb->add_option("--to", options->to, "int8 (QDQ form), bf16 or fp16")
      ->check(CLI::IsMember({"int8", "bf16", "fp16"}))
      ->capture_default_str();
  verb->add_option("--method", options->method, "how ranges follow from the values seen")
      ->check(CLI::IsMember({"minmax", "percentile", "entropy"}))
      ->capture_default_str();
  verb->add_option("--percentile", options->percentile, "part of the values that the range holds")
      ->check(CLI::Range(50.0, 100.0))
      ->capture_default_str();
  verb->add_flag("--per-tensor", options->per_tensor, "one scale a weight, not one a channel");
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
