// tilewright compare: runs packages of one model in turn on the same inputs.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "compiler/core/tensor.h"
#include "runtime/include/tilewright.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright compare untuned.tar tuned.tar --reference reference.tar\n"
    "  package      ms      ratio  largest error\n"
    "  untuned.tar  21.402  1.00   3.1e-07\n"
    "  tuned.tar    16.930  1.26   2.9e-07\n";

struct Options {
  std::vector<std::string> packages;
  std::string reference;
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
absl::Status FillInputs(tw_model* model, const std::string& path, uint64_t seed) {
  for (size_t i = 0; i < tw_num_inputs(model); ++i) {
    tw_tensor_info info;
    TW_RETURN_IF_ERROR(ToStatus(tw_input_info(model, i, &info), path));
    const std::optional<DType> dtype = ParseDType(info.dtype);
    if (!dtype) return absl::InvalidArgumentError(absl::StrCat("input type ", info.dtype));
    Tensor tensor({*dtype, Shape(info.shape, info.shape + info.rank)});
    Rng rng(seed + i);
    for (int64_t j = 0; j < tensor.size(); ++j) {
      tensor.Set(j, IsFloat(*dtype) ? rng.Uniform(-1, 1) : static_cast<double>(rng.Below(2)));
    }
    TW_RETURN_IF_ERROR(ToStatus(tw_set_input(model, info.name, tensor.data(), info.bytes), path));
  }
  return absl::OkStatus();
}

absl::StatusOr<Model> LoadModel(const std::string& path, const Options& options) {
  tw_model* raw = nullptr;
  TW_RETURN_IF_ERROR(ToStatus(tw_load(path.c_str(), options.threads, &raw), path));
  Model model(raw);
  TW_RETURN_IF_ERROR(FillInputs(raw, path, options.seed));
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

// A copy of output `i`.
absl::StatusOr<Tensor> OutputOf(const tw_model* model, size_t i) {
  tw_tensor_info info;
  tw_output_info(model, i, &info);
  const std::optional<DType> dtype = ParseDType(info.dtype);
  if (!dtype) return absl::InvalidArgumentError(absl::StrCat("output type ", info.dtype));
  Tensor tensor({*dtype, Shape(info.shape, info.shape + info.rank)});
  const void* data;
  tw_get_output(model, i, &data);
  std::memcpy(tensor.data(), data, info.bytes);
  return tensor;
}

// Largest difference, relative to the largest value expected; not relative where all are 0.
double ErrorOf(const Tensor& got, const Tensor& want) {
  double scale = 0, difference = 0;
  for (int64_t i = 0; i < want.size(); ++i) {
    const double expected = want.AsDouble(i), d = std::fabs(got.AsDouble(i) - expected);
    scale = std::max(scale, std::fabs(expected));
    difference = std::isnan(d) ? INFINITY : std::max(difference, d);
  }
  return scale > 0 ? difference / scale : difference;
}

// Largest difference over all outputs, relative to the reference output's largest value.
absl::StatusOr<double> LargestError(tw_model* model, tw_model* reference) {
  if (tw_num_outputs(model) != tw_num_outputs(reference)) {
    return absl::InvalidArgumentError("the packages have different numbers of outputs");
  }
  double error = 0;
  for (size_t i = 0; i < tw_num_outputs(model); ++i) {
    TW_ASSIGN_OR_RETURN(const Tensor got, OutputOf(model, i));
    TW_ASSIGN_OR_RETURN(const Tensor want, OutputOf(reference, i));
    if (got.shape() != want.shape()) {
      return absl::InvalidArgumentError("the packages have outputs of different shapes");
    }
    error = std::max(error, ErrorOf(got, want));
  }
  return error;
}

struct Row {
  std::string package;
  double milliseconds = 0;
  double ratio = 1;  // first package's time / this one's
  std::optional<double> error;
};

absl::StatusOr<std::vector<Row>> Measure(const Options& options) {
  std::vector<Model> models;
  for (const std::string& path : options.packages) {
    TW_ASSIGN_OR_RETURN(Model model, LoadModel(path, options));
    models.push_back(std::move(model));
  }
  std::vector<std::vector<double>> times(models.size());
  for (int i = 0; i < options.repeat; ++i) {
    for (size_t m = 0; m < models.size(); ++m) times[m].push_back(TimeOnce(models[m].get()));
  }
  std::vector<Row> rows;
  for (size_t m = 0; m < models.size(); ++m) {
    const double median = Median(times[m]);
    rows.push_back({options.packages[m], median * 1e3, Median(times[0]) / median, std::nullopt});
  }
  if (options.reference.empty()) return rows;
  TW_ASSIGN_OR_RETURN(const Model reference, LoadModel(options.reference, options));
  for (size_t m = 0; m < models.size(); ++m) {
    TW_ASSIGN_OR_RETURN(rows[m].error, LargestError(models[m].get(), reference.get()));
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
  verb->add_option("packages", options->packages, "packages; ratios are against the first")
      ->required();
  verb->add_option("--reference", options->reference, "package whose outputs are the truth");
  verb->add_option("--threads", options->threads, "threads (default 1)");
  verb->add_option("--repeat", options->repeat, "interleaved rounds")->check(CLI::Range(1, 10000));
  verb->add_option("--seed", options->seed, "seed of the inputs");
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
