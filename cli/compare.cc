// tilewright compare: runs packages of one model in turn on the same inputs.
#include <algorithm>
#include <chrono>
#include <cmath>
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
      if (*dtype == DType::kF32) {
        tensor.as<float>()[j] = static_cast<float>(rng.Uniform(-1, 1));
      } else if (*dtype == DType::kI64) {
        tensor.as<int64_t>()[j] = static_cast<int64_t>(rng.Below(2));
      }
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

// Largest difference over all float outputs, relative to the reference output's largest value.
absl::StatusOr<double> LargestError(tw_model* model, tw_model* reference) {
  if (tw_num_outputs(model) != tw_num_outputs(reference)) {
    return absl::InvalidArgumentError("the packages have different numbers of outputs");
  }
  double error = 0;
  for (size_t i = 0; i < tw_num_outputs(model); ++i) {
    tw_tensor_info info, expected_info;
    tw_output_info(model, i, &info);
    tw_output_info(reference, i, &expected_info);
    if (info.bytes != expected_info.bytes) {
      return absl::InvalidArgumentError("the packages have outputs of different shapes");
    }
    const void *data, *expected;
    tw_get_output(model, i, &data);
    tw_get_output(reference, i, &expected);
    if (std::string(info.dtype) != "float32") continue;
    const auto* a = static_cast<const float*>(data);
    const auto* b = static_cast<const float*>(expected);
    double scale = 0, difference = 0;
    for (size_t j = 0; j < info.bytes / sizeof(float); ++j) {
      scale = std::max(scale, std::fabs(static_cast<double>(b[j])));
      const double d = std::fabs(static_cast<double>(a[j]) - b[j]);
      difference = std::isnan(d) ? INFINITY : std::max(difference, d);
    }
    error = std::max(error, scale > 0 ? difference / scale : difference);
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
