// The runtime for C++17: tilewright.h with values instead of pointers to free. Header only.
//
//   tw::Model model("resnet18.tar");
//   model.SetInput("data", pixels.data(), pixels.size());
//   model.Run();
//   const float* logits = model.Output<float>(0);
//
// Every function throws tw::Error where tilewright.h returns a code. A model may be used by one
// thread at a time, different models by different threads.
#ifndef TILEWRIGHT_HPP_
#define TILEWRIGHT_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tilewright.h"

namespace tw {

class Error : public std::runtime_error {
 public:
  Error(tw_status code, const std::string& text) : std::runtime_error(text), code_(code) {}
  tw_status code() const { return code_; }

 private:
  tw_status code_;
};

// An input or output. `dtype` is numpy's name, or "bfloat16".
struct TensorInfo {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::size_t bytes = 0;
};

// An input's name and the shape that it is to have.
struct InputShape {
  std::string name;
  std::vector<std::int64_t> shape;
};

// See tw_load and tw_load_on.
struct Options {
  std::string device = {};
  int threads = 0;
};

class Model {
 public:
  explicit Model(const std::string& path, const Options& options = {}) {
    tw_model* model = nullptr;
    Check(tw_load_on(path.c_str(), options.device.c_str(), options.threads, &model));
    model_.reset(model);
  }

  // Makes current what runs inputs of these shapes: exactly them, or padded. See tw_bind.
  void Bind(const std::vector<InputShape>& shapes) {
    std::vector<tw_input_shape> raw;
    for (const InputShape& input : shapes) {
      raw.push_back({input.name.c_str(), input.shape.data(), input.shape.size()});
    }
    Check(tw_bind(model_.get(), raw.data(), raw.size()));
  }
  // The shapes that the package holds are [0, Bindings()).
  std::size_t Bindings() const { return tw_num_bindings(model_.get()); }
  void SelectBinding(std::size_t index) { Check(tw_select_binding(model_.get(), index)); }

  std::vector<TensorInfo> Inputs() const {
    return Infos(tw_num_inputs(model_.get()), tw_input_info);
  }
  std::vector<TensorInfo> Outputs() const {
    return Infos(tw_num_outputs(model_.get()), tw_output_info);
  }

  // Copies `count` elements, which must be all of the input's. The type's size must be that of the
  // input's elements; whether it is the same type is not asked.
  template <typename T>
  void SetInput(const std::string& name, const T* data, std::size_t count) {
    Check(tw_set_input(model_.get(), name.c_str(), data, count * sizeof(T)));
  }
  void Run() { Check(tw_run(model_.get())); }
  // Valid until the next run or the model's end.
  template <typename T>
  const T* Output(std::size_t index) const {
    const void* data = nullptr;
    Check(tw_get_output(model_.get(), index, &data));
    return static_cast<const T*>(data);
  }

  // The names that an output's numbers stand for; empty where there are none. See tw_num_classes.
  std::vector<std::string> Classes(std::size_t output) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < tw_num_classes(model_.get(), output); ++i) {
      names.push_back(tw_class_name(model_.get(), output, static_cast<std::int64_t>(i)));
    }
    return names;
  }

  std::size_t WeightBytes() const { return tw_weight_bytes(model_.get()); }
  std::size_t ArenaBytes() const { return tw_arena_bytes(model_.get()); }

 private:
  struct Free {
    void operator()(tw_model* model) const { tw_free(model); }
  };

  static void Check(tw_status status) {
    if (status != TW_OK) throw Error(status, tw_last_error());
  }

  std::vector<TensorInfo> Infos(std::size_t count, tw_status (*ask)(const tw_model*, std::size_t,
                                                                    tw_tensor_info*)) const {
    std::vector<TensorInfo> infos;
    for (std::size_t i = 0; i < count; ++i) {
      tw_tensor_info info;
      Check(ask(model_.get(), i, &info));
      infos.push_back({info.name, info.dtype, {info.shape, info.shape + info.rank}, info.bytes});
    }
    return infos;
  }

  std::unique_ptr<tw_model, Free> model_;
};

}  // namespace tw

#endif  // TILEWRIGHT_HPP_
