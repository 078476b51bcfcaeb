// The C header on top of Model: codes and texts for exceptions.
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "runtime/cpu_info.h"
#include "runtime/error.h"
#include "runtime/include/tilewright.h"
#include "runtime/model.h"

using tilewright::runtime::Error;
using tilewright::runtime::Model;
using tilewright::runtime::ModelOptions;

struct tw_model {
  std::unique_ptr<Model> loaded;
  double* profile = nullptr;  // of the next run only
  size_t profile_capacity = 0;
};

namespace {

constexpr int kMaxThreads = 1024;
thread_local std::string last_error;

tw_status Fail(tw_status code, const std::string& text) {
  last_error = text;
  return code;
}

// Runs `body`, turning what it throws into this thread's error.
template <typename Body>
tw_status Guarded(Body body) {
  try {
    last_error.clear();
    body();
    return TW_OK;
  } catch (const Error& error) {
    return Fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return Fail(TW_INTERNAL, "out of memory");
  } catch (const std::exception& error) {
    return Fail(TW_INTERNAL, error.what());
  }
}

Error InvalidArgument(const std::string& text) { return Error(TW_INVALID_ARGUMENT, text); }

template <typename... Pointers>
void CheckNotNull(const Pointers*... pointers) {
  if ((... || (pointers == nullptr))) throw InvalidArgument("a null pointer was given");
}

// TILEWRIGHT_NUM_THREADS, or the CPUs this process may use.
int DefaultThreads() {
  const char* text = std::getenv("TILEWRIGHT_NUM_THREADS");
  if (text == nullptr || *text == '\0') {
    return static_cast<int>(tilewright::runtime::AllowedCpus().size());
  }
  char* end = nullptr;
  const long threads = std::strtol(text, &end, 10);
  if (*end != '\0' || threads < 1 || threads > kMaxThreads) {
    throw InvalidArgument(std::string("TILEWRIGHT_NUM_THREADS is \"") + text +
                          "\"; give a number from 1 to 1024");
  }
  return static_cast<int>(threads);
}

bool BindThreads() {
  const char* text = std::getenv("TILEWRIGHT_BIND_THREADS");
  return text != nullptr && *text != '\0' && std::strcmp(text, "0") != 0;
}

tw_status Info(const std::vector<Model::End>& ends, size_t index, tw_tensor_info* info) {
  return Guarded([&] {
    CheckNotNull(info);
    if (index >= ends.size()) {
      throw Error(TW_NOT_FOUND, "there is no number " + std::to_string(index) + "; the model has " +
                                    std::to_string(ends.size()));
    }
    const Model::End& end = ends[index];
    *info = {end.tensor->name.c_str(), end.tensor->dtype.c_str(), end.shape.data(),
             end.shape.size(), end.bytes};
  });
}

size_t FindInput(const Model& model, const std::string& name) {
  std::string known;
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    const std::string& here = model.inputs()[i].tensor->name;
    if (here == name) return i;
    known += " " + here;
  }
  throw Error(TW_NOT_FOUND, "no input is named " + name + "; the inputs are" + known);
}

// REQUIRES: the model has that output.
const std::vector<std::string>& ClassesOf(const tw_model& model, size_t output) {
  return model.loaded->outputs()[output].tensor->classes;
}

}  // namespace

const char* tw_last_error(void) { return last_error.c_str(); }

const char* tw_version(void) { return TILEWRIGHT_VERSION; }

tw_status tw_load(const char* path, int threads, tw_model** model) {
  return tw_load_on(path, "", threads, model);
}

tw_status tw_load_on(const char* path, const char* device, int threads, tw_model** model) {
  return Guarded([&] {
    CheckNotNull(path, device, model);
    *model = nullptr;
    if (threads < 0 || threads > kMaxThreads) {
      throw InvalidArgument(std::to_string(threads) + " threads; give 0 (default) to 1024");
    }
    const ModelOptions options = {.threads = threads > 0 ? threads : DefaultThreads(),
                                  .bind = BindThreads(),
                                  .device = device};
    *model = new tw_model{tilewright::runtime::OpenModel(path, options)};
  });
}

void tw_free(tw_model* model) { delete model; }

tw_status tw_bind(tw_model* model, const tw_input_shape* shapes, size_t count) {
  return Guarded([&] {
    CheckNotNull(model);
    if (count > 0) CheckNotNull(shapes);
    std::map<std::string, tilewright::runtime::Shape> inputs;
    for (size_t i = 0; i < count; ++i) {
      const auto& [name, shape, rank] = shapes[i];
      CheckNotNull(name);
      if (rank > 0) CheckNotNull(shape);
      inputs[name] =
          rank > 0 ? tilewright::runtime::Shape(shape, shape + rank) : tilewright::runtime::Shape();
    }
    model->loaded->Bind(inputs);
  });
}

size_t tw_num_bindings(const tw_model* model) { return model ? model->loaded->plans().size() : 0; }

tw_status tw_select_binding(tw_model* model, size_t index) {
  return Guarded([&] {
    CheckNotNull(model);
    const size_t count = model->loaded->plans().size();
    if (index >= count) {
      throw Error(TW_NOT_FOUND, "there is no binding " + std::to_string(index) +
                                    "; the model has " + std::to_string(count));
    }
    model->loaded->Select(index);
  });
}

size_t tw_num_inputs(const tw_model* model) { return model ? model->loaded->inputs().size() : 0; }

size_t tw_num_outputs(const tw_model* model) { return model ? model->loaded->outputs().size() : 0; }

tw_status tw_input_info(const tw_model* model, size_t index, tw_tensor_info* info) {
  if (model == nullptr) return Fail(TW_INVALID_ARGUMENT, "the model is null");
  return Info(model->loaded->inputs(), index, info);
}

tw_status tw_output_info(const tw_model* model, size_t index, tw_tensor_info* info) {
  if (model == nullptr) return Fail(TW_INVALID_ARGUMENT, "the model is null");
  return Info(model->loaded->outputs(), index, info);
}

tw_status tw_set_input(tw_model* model, const char* name, const void* data, size_t bytes) {
  return Guarded([&] {
    CheckNotNull(model, name, data);
    const size_t index = FindInput(*model->loaded, name);
    const size_t needed = model->loaded->inputs()[index].bytes;
    if (bytes != needed) {
      throw InvalidArgument("input " + std::string(name) + " has " + std::to_string(needed) +
                            " bytes, not " + std::to_string(bytes));
    }
    model->loaded->SetInput(index, data);
  });
}

tw_status tw_run(tw_model* model) {
  return Guarded([&] {
    CheckNotNull(model);
    model->loaded->Run(model->profile, model->profile_capacity);
    model->profile = nullptr;
  });
}

tw_status tw_get_output(const tw_model* model, size_t index, const void** data) {
  return Guarded([&] {
    CheckNotNull(model, data);
    const auto& outputs = model->loaded->outputs();
    if (index >= outputs.size()) {
      throw Error(TW_NOT_FOUND, "there is no output " + std::to_string(index) + "; the model has " +
                                    std::to_string(outputs.size()));
    }
    *data = outputs[index].data;
  });
}

size_t tw_num_classes(const tw_model* model, size_t output) {
  return model && output < model->loaded->outputs().size() ? ClassesOf(*model, output).size() : 0;
}

const char* tw_class_name(const tw_model* model, size_t output, int64_t index) {
  if (index < 0 || static_cast<uint64_t>(index) >= tw_num_classes(model, output)) return nullptr;
  return ClassesOf(*model, output)[static_cast<size_t>(index)].c_str();
}

size_t tw_weight_bytes(const tw_model* model) { return model ? model->loaded->weight_bytes() : 0; }

size_t tw_arena_bytes(const tw_model* model) {
  return model ? static_cast<size_t>(model->loaded->plan().arena_bytes) : 0;
}

tw_status tw_get_call(const tw_model* model, size_t index, tw_call_info* info) {
  return Guarded([&] {
    CheckNotNull(model, info);
    const auto& calls = model->loaded->plan().calls;
    if (index >= calls.size()) {
      throw Error(TW_NOT_FOUND, "there is no call " + std::to_string(index) + "; the model has " +
                                    std::to_string(calls.size()));
    }
    const tilewright::PlanCall& call = calls[index];
    *info = {call.label.c_str(), call.kernel.c_str(), call.schedule.c_str(), call.flops};
  });
}

size_t tw_profile(tw_model* model, double* seconds, const char** labels, size_t capacity) {
  if (model == nullptr) return 0;
  const auto& calls = model->loaded->plan().calls;
  for (size_t i = 0; labels != nullptr && i < calls.size() && i < capacity; ++i) {
    labels[i] = calls[i].label.c_str();
  }
  model->profile = seconds;
  model->profile_capacity = capacity;
  return calls.size();
}
