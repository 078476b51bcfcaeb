// tilewright compare: runs packages of one model in turn on the same inputs.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "cli/npz/npz.h"
#include "cli/npz/text_array.h"
#include "cli/run/model_inputs.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbs/onnxruntime_peer.h"
#include "compiler/core/relative_error.h"
#include "compiler/core/tensor.h"
#include "runtime/include/tilewright.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright compare untuned.tar tuned.tar --reference reference.tar\n"
    "  package      ms      ratio  largest error\n"
    "  untuned.tar  21.402  1.00   3.1e-07\n"
    "  tuned.tar    16.930  1.26   2.9e-07\n"
    "  $ tilewright compare tuned.tar --onnxruntime resnet18.onnx\n";

struct Options {
  std::vector<std::string> packages, input_values;
  std::string reference, onnxruntime;
  int threads = 1;
  int repeat = 30;
  uint64_t seed = 0;
  bool json = false;
};

struct ModelDeleter {
  void operator()(tw_model* model) const { tw_free(model); }
};
using Model = std::unique_ptr<tw_model, ModelDeleter>;

absl::Status ToStatus(tw_status status, const std::string& path) {
  if (status == TW_OK) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", tw_last_error()));
}

// The same seed gives every package of a model the same inputs: floats in [-1, 1), integers 0 or 1
// (valid as token ids, masks and types).
absl::StatusOr<std::vector<NpzArray>> MadeUpInputs(const tw_model* model, uint64_t seed) {
  std::vector<NpzArray> arrays;
  for (size_t i = 0; i < tw_num_inputs(model); ++i) {
    tw_tensor_info info;
    tw_input_info(model, i, &info);
    const std::optional<DType> dtype = ParseDType(info.dtype);
    if (!dtype) return absl::InvalidArgumentError(absl::StrCat("input type ", info.dtype));
    Tensor tensor({*dtype, Shape(info.shape, info.shape + info.rank)});
    Rng rng(seed + i);
    for (int64_t j = 0; j < tensor.size(); ++j) {
      tensor.Set(j, IsFloat(*dtype) ? rng.Uniform(-1, 1) : static_cast<double>(rng.Below(2)));
    }
    arrays.push_back({info.name, info.dtype, tensor.shape(),
                      std::string(static_cast<const char*>(tensor.data()), info.bytes)});
  }
  return arrays;
}

absl::Status SetMadeUpInputs(tw_model* model, const std::string& path, uint64_t seed) {
  TW_ASSIGN_OR_RETURN(const std::vector<NpzArray> arrays, MadeUpInputs(model, seed));
  for (const NpzArray& array : arrays) {
    TW_RETURN_IF_ERROR(ToStatus(
        tw_set_input(model, array.name.c_str(), array.data.data(), array.data.size()), path));
  }
  return absl::OkStatus();
}

absl::StatusOr<Model> LoadModel(const std::string& path, const Options& options) {
  tw_model* raw = nullptr;
  TW_RETURN_IF_ERROR(ToStatus(tw_load(path.c_str(), options.threads, &raw), path));
  Model model(raw);
  TW_RETURN_IF_ERROR(SetMadeUpInputs(raw, path, options.seed));
  TW_RETURN_IF_ERROR(ToStatus(tw_run(raw), path));  // warm-up
  return model;
}

double TimeOnce(tw_model* model) {
  const auto start = std::chrono::steady_clock::now();
  tw_run(model);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

struct Output {
  std::string name;
  Tensor tensor;
};

absl::StatusOr<Tensor> TensorOf(const std::string& type, const Shape& shape, const void* data) {
  const std::optional<DType> dtype = ParseDType(type);
  if (!dtype) return absl::InvalidArgumentError(absl::StrCat("output type ", type));
  Tensor tensor({*dtype, shape});
  std::copy_n(static_cast<const char*>(data), tensor.bytes(), tensor.as<char>());
  return tensor;
}

absl::StatusOr<std::vector<Output>> OutputsOf(const tw_model* model) {
  std::vector<Output> outputs;
  for (size_t i = 0; i < tw_num_outputs(model); ++i) {
    tw_tensor_info info;
    tw_output_info(model, i, &info);
    const void* data;
    tw_get_output(model, i, &data);
    TW_ASSIGN_OR_RETURN(Tensor tensor,
                        TensorOf(info.dtype, {info.shape, info.shape + info.rank}, data));
    outputs.push_back({info.name, std::move(tensor)});
  }
  return outputs;
}

using Classes = std::map<std::string, std::vector<std::string>>;  // by output

Classes ClassesOfOutputs(const tw_model* model) {
  Classes classes;
  for (size_t i = 0; i < tw_num_outputs(model); ++i) {
    tw_tensor_info info;
    tw_output_info(model, i, &info);
    classes[info.name] = ClassesOf(model, i);
  }
  return classes;
}

// Where each text stands among the names; -1 where it is none of them.
Tensor PlacesOf(const NpzArray& texts, const std::vector<std::string>& names) {
  Tensor places({DType::kI64, texts.shape});
  int64_t at = 0;
  for (const std::string& text : TextsOf(texts)) {
    const auto found = std::find(names.begin(), names.end(), text);
    places.as<int64_t>()[at++] = found == names.end() ? -1 : found - names.begin();
  }
  return places;
}

// The columns, which have `names`, in the order of the names wanted.
absl::StatusOr<Tensor> ColumnsInOrder(const Tensor& rows, const std::vector<std::string>& names,
                                      const std::vector<std::string>& wanted) {
  Tensor ordered(rows.type());
  const auto count = static_cast<int64_t>(names.size());
  for (int64_t to = 0; to < count; ++to) {
    const auto found = std::find(names.begin(), names.end(), wanted[static_cast<size_t>(to)]);
    if (found == names.end()) return absl::InvalidArgumentError("the classes have other names");
    for (int64_t i = 0; i < rows.size(); i += count) {
      ordered.Set(i + to, rows.AsDouble(i + (found - names.begin())));
    }
  }
  return ordered;
}

// As ours: strings as places among the classes, maps as columns in their order.
absl::StatusOr<std::vector<Output>> OutputsOf(const OnnxRuntimePeer& peer, Classes classes) {
  TW_ASSIGN_OR_RETURN(const std::vector<NpzArray> arrays, peer.Outputs());
  Classes columns;
  for (const NpzArray& array : arrays) {
    if (array.name.ends_with(kClassesOf)) columns[array.name] = TextsOf(array);
  }
  std::vector<Output> outputs;
  for (const NpzArray& array : arrays) {
    if (columns.contains(array.name)) continue;
    const std::vector<std::string>& names = classes[array.name];
    if (IsTextType(array.dtype)) {
      outputs.push_back({array.name, PlacesOf(array, names)});
      continue;
    }
    TW_ASSIGN_OR_RETURN(Tensor tensor, TensorOf(array.dtype, array.shape, array.data.data()));
    const auto own = columns.find(absl::StrCat(array.name, kClassesOf));
    if (own != columns.end() && own->second.size() == names.size()) {
      TW_ASSIGN_OR_RETURN(tensor, ColumnsInOrder(tensor, own->second, names));
    }
    outputs.push_back({array.name, std::move(tensor)});
  }
  return outputs;
}

// Largest difference over all outputs, relative to the true output's largest value.
absl::StatusOr<double> LargestError(const std::vector<Output>& outputs,
                                    const std::vector<Output>& truth) {
  if (outputs.size() != truth.size()) {
    return absl::InvalidArgumentError("the packages have different numbers of outputs");
  }
  double error = 0;
  for (const Output& want : truth) {
    const auto got = std::find_if(outputs.begin(), outputs.end(),
                                  [&](const Output& output) { return output.name == want.name; });
    if (got == outputs.end()) {
      return absl::InvalidArgumentError(absl::StrCat("there is no output ", want.name));
    }
    if (got->tensor.shape() != want.tensor.shape()) {
      return absl::InvalidArgumentError("the packages have outputs of different shapes");
    }
    error = std::max(error, RelativeError(got->tensor, want.tensor));
  }
  return error;
}

struct Row {
  std::string package;
  double milliseconds = 0;
  double ratio = 1;  // first package's time / this one's
  std::optional<double> error;
};

// What takes its turn in every round.
struct Entrant {
  std::string name;
  std::function<absl::StatusOr<double>()> run;  // seconds
  std::function<absl::StatusOr<std::vector<Output>>()> outputs;
};

absl::StatusOr<Entrant> PackageEntrant(const std::string& path, const Options& options) {
  TW_ASSIGN_OR_RETURN(Model loaded, LoadModel(path, options));
  const std::shared_ptr<tw_model> model = std::move(loaded);
  return Entrant{path, [model] { return TimeOnce(model.get()); },
                 [model] { return OutputsOf(model.get()); }};
}

absl::StatusOr<Entrant> OnnxRuntimeEntrant(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Model model, LoadModel(options.packages[0], options));
  TW_ASSIGN_OR_RETURN(const std::vector<NpzArray> inputs, MadeUpInputs(model.get(), options.seed));
  TW_ASSIGN_OR_RETURN(OnnxRuntimePeer started,
                      OnnxRuntimePeer::Start({.model = options.onnxruntime,
                                              .inputs = inputs,
                                              .input_values = options.input_values,
                                              .threads = options.threads}));
  const auto peer = std::make_shared<OnnxRuntimePeer>(std::move(started));
  return Entrant{
      absl::StrCat("onnxruntime ", peer->version()), [peer] { return peer->Run(); },
      [peer, classes = ClassesOfOutputs(model.get())] { return OutputsOf(*peer, classes); }};
}

absl::StatusOr<std::vector<Entrant>> Entrants(const Options& options) {
  std::vector<Entrant> entrants;
  for (const std::string& path : options.packages) {
    TW_ASSIGN_OR_RETURN(entrants.emplace_back(), PackageEntrant(path, options));
  }
  if (options.onnxruntime.empty()) return entrants;
  TW_ASSIGN_OR_RETURN(entrants.emplace_back(), OnnxRuntimeEntrant(options));
  return entrants;
}

// The outputs that count as true; none when nothing was named.
absl::StatusOr<std::vector<Output>> Truth(const std::vector<Entrant>& entrants,
                                          const Options& options) {
  if (!options.reference.empty()) {
    TW_ASSIGN_OR_RETURN(const Model reference, LoadModel(options.reference, options));
    return OutputsOf(reference.get());
  }
  if (options.onnxruntime.empty()) return std::vector<Output>();
  return entrants.back().outputs();
}

absl::StatusOr<std::vector<Row>> Measure(const Options& options) {
  TW_ASSIGN_OR_RETURN(const std::vector<Entrant> entrants, Entrants(options));
  std::vector<std::vector<double>> times(entrants.size());
  for (int i = 0; i < options.repeat; ++i) {
    for (size_t e = 0; e < entrants.size(); ++e) {
      TW_ASSIGN_OR_RETURN(times[e].emplace_back(), entrants[e].run());
    }
  }
  TW_ASSIGN_OR_RETURN(const std::vector<Output> truth, Truth(entrants, options));
  std::vector<Row> rows;
  for (size_t e = 0; e < entrants.size(); ++e) {
    const double median = Median(times[e]);
    rows.push_back({entrants[e].name, median * 1e3, Median(times[0]) / median, std::nullopt});
    if (truth.empty()) continue;
    TW_ASSIGN_OR_RETURN(const std::vector<Output> outputs, entrants[e].outputs());
    TW_ASSIGN_OR_RETURN(rows[e].error, LargestError(outputs, truth));
  }
  return rows;
}

void PrintJson(const std::vector<Row>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json item{
        {"package", row.package}, {"ms", row.milliseconds}, {"ratio", row.ratio}};
    if (row.error) item["error"] = *row.error;
    list.push_back(std::move(item));
  }
  std::cout << list.dump(2) << "\n";
}

absl::Status Compare(const Options& options) {
  TW_ASSIGN_OR_RETURN(const std::vector<Row> rows, Measure(options));
  if (options.json) {
    PrintJson(rows);
    return absl::OkStatus();
  }
  Table table({"package", "ms", "ratio", "largest error"});
  for (const Row& row : rows) {
    table.Add({row.package, absl::StrFormat("%.3f", row.milliseconds),
               absl::StrFormat("%.2f", row.ratio),
               row.error ? absl::StrFormat("%.1e", *row.error) : "-"});
  }
  table.Print(std::cout);
  return absl::OkStatus();
}

}  // namespace

void verb_compare(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(
      parent,
      {"compare", "runs packages of one model in turn and compares time and outputs", kExample},
      [options] { return Compare(*options); });
  verb->add_option("PACKAGES", options->packages, "packages; ratios are against the first")
      ->required();
  verb->add_option("--reference", options->reference, "package whose outputs are the truth");
  verb->add_option("--onnxruntime", options->onnxruntime,
                   "the ONNX file: ONNX Runtime, where python3 has it, takes its turn, and its "
                   "outputs are the truth unless --reference names one");
  verb->add_option("--input-value", options->input_values,
                   "what `compile --input-value` fixed an input to (rate=16000), for ONNX Runtime; "
                   "may be repeated");
  verb->add_option("--threads", options->threads, "threads (default 1)");
  verb->add_option("--repeat", options->repeat, "interleaved rounds")->check(CLI::Range(1, 10000));
  verb->add_option("--seed", options->seed, "seed of the inputs");
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
