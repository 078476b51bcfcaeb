#include "tuner/model/xgboost_model.h"

#include <xgboost/c_api.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"

// Of OpenMP's interface, declared here because <omp.h> is the compiler's and the library XGBoost's.
extern "C" void omp_set_num_threads(int threads);

namespace tilewright {
namespace {

absl::Status Check(int code) {
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("xgboost: ", XGBGetLastError()));
}

struct FreeMatrix {
  void operator()(void* handle) const { XGDMatrixFree(handle); }
};
struct FreeBooster {
  void operator()(void* handle) const { XGBoosterFree(handle); }
};
using Matrix = std::unique_ptr<void, FreeMatrix>;
using Booster = std::unique_ptr<void, FreeBooster>;

absl::StatusOr<Matrix> MakeMatrix(const FeatureMatrix& rows, std::span<const float> scores) {
  DMatrixHandle handle = nullptr;
  TW_RETURN_IF_ERROR(Check(
      XGDMatrixCreateFromMat(rows.values.data(), rows.rows(), rows.columns, kMissing, &handle)));
  Matrix matrix(handle);
  TW_RETURN_IF_ERROR(Check(XGDMatrixSetFloatInfo(handle, "label", scores.data(), scores.size())));
  const unsigned group = static_cast<unsigned>(scores.size());
  TW_RETURN_IF_ERROR(Check(XGDMatrixSetUIntInfo(handle, "group", &group, 1)));
  return matrix;
}

// The array interface of numpy, which the library reads without a copy.
std::string ArrayInterface(const FeatureMatrix& rows) {
  return absl::StrCat("{\"data\":[", reinterpret_cast<uintptr_t>(rows.values.data()),
                      ",true],\"shape\":[", rows.rows(), ",", rows.columns,
                      "],\"typestr\":\"<f4\",\"version\":3}");
}

constexpr char kPredictConfig[] =
    R"({"type":1,"training":false,"iteration_begin":0,"iteration_end":0,)"
    R"("strict_shape":false,"cache_id":0,"missing":-1.0e30})";

class XgboostModel final : public CostModel {
 public:
  explicit XgboostModel(const XgboostOptions& options, Booster trained = nullptr)
      : options_(options), booster_(std::move(trained)) {}

  absl::Status Fit(const FeatureMatrix& rows, std::span<const float> scores) override {
    TW_CHECK(rows.rows() == scores.size()) << rows.rows() << " rows, " << scores.size();
    omp_set_num_threads(1);  // the ranking objective ignores nthread
    TW_ASSIGN_OR_RETURN(const Matrix matrix, MakeMatrix(rows, scores));
    TW_ASSIGN_OR_RETURN(Booster booster, MakeBooster(matrix));
    for (int round = 0; round < options_.rounds; ++round) {
      TW_RETURN_IF_ERROR(Check(XGBoosterUpdateOneIter(booster.get(), round, matrix.get())));
    }
    booster_ = std::move(booster);
    return absl::OkStatus();
  }

  std::vector<float> Score(const FeatureMatrix& rows) const override {
    if (!booster_ || rows.rows() == 0) return std::vector<float>(rows.rows());
    omp_set_num_threads(1);
    const std::string values = ArrayInterface(rows);
    const bst_ulong* shape = nullptr;
    bst_ulong dims = 0;
    const float* scores = nullptr;
    const int code = XGBoosterPredictFromDense(booster_.get(), values.c_str(), kPredictConfig,
                                               nullptr, &shape, &dims, &scores);
    if (code != 0) return std::vector<float>(rows.rows());  // a search goes on without its opinion
    return {scores, scores + rows.rows()};
  }

  absl::StatusOr<std::string> Save() const override {
    if (!booster_) return absl::FailedPreconditionError("a model that was not trained");
    bst_ulong size = 0;
    const char* bytes = nullptr;
    TW_RETURN_IF_ERROR(
        Check(XGBoosterSaveModelToBuffer(booster_.get(), R"({"format":"json"})", &size, &bytes)));
    return std::string(bytes, size);
  }

 private:
  absl::StatusOr<Booster> MakeBooster(const Matrix& matrix) const {
    const DMatrixHandle handle = matrix.get();
    BoosterHandle raw = nullptr;
    TW_RETURN_IF_ERROR(Check(XGBoosterCreate(&handle, 1, &raw)));
    Booster booster(raw);
    const bool rank = options_.loss == XgboostOptions::Loss::kRank;
    const std::pair<const char*, std::string> parameters[] = {
        {"objective", rank ? "rank:pairwise" : "reg:squarederror"},
        {"tree_method", "hist"},
        {"max_bin", absl::StrCat(options_.max_bin)},
        {"max_depth", absl::StrCat(options_.max_depth)},
        {"eta", absl::StrCat(options_.eta)},
        {"gamma", absl::StrCat(options_.gamma)},
        {"min_child_weight", absl::StrCat(options_.min_child_weight)},
        {"nthread", "1"},
        {"seed", "0"},
        {"verbosity", "0"}};
    for (const auto& [name, value] : parameters) {
      TW_RETURN_IF_ERROR(Check(XGBoosterSetParam(raw, name, value.c_str())));
    }
    return booster;
  }

  const XgboostOptions options_;
  Booster booster_;
};

}  // namespace

std::unique_ptr<CostModel> MakeXgboostModel(const XgboostOptions& options) {
  return std::make_unique<XgboostModel>(options);
}

absl::StatusOr<std::unique_ptr<CostModel>> LoadXgboostModel(std::string_view bytes,
                                                            size_t columns) {
  BoosterHandle raw = nullptr;
  TW_RETURN_IF_ERROR(Check(XGBoosterCreate(nullptr, 0, &raw)));
  Booster booster(raw);
  if (XGBoosterLoadModelFromBuffer(raw, bytes.data(), bytes.size()) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("XGBoost cannot read the trees: ", Shown(XGBGetLastError())));
  }
  bst_ulong features = 0;
  TW_RETURN_IF_ERROR(Check(XGBoosterGetNumFeature(raw, &features)));
  if (features != columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("the trees are of ", features, " columns, not ", columns));
  }
  TW_RETURN_IF_ERROR(Check(XGBoosterSetParam(raw, "nthread", "1")));
  return std::make_unique<XgboostModel>(XgboostOptions{}, std::move(booster));
}

}  // namespace tilewright
