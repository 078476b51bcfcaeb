/* Tilewright's runtime: loads a compiled package and runs it. C89-compatible, no dependencies.
 *
 * Every function returns TW_OK or an error code; tw_last_error() has the text (per thread).
 * A model may be used by one thread at a time; different models by different threads. */
#ifndef TILEWRIGHT_H_
#define TILEWRIGHT_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_status {
  TW_OK = 0,
  TW_INVALID_ARGUMENT = 1, /* wrong name, index, shape, type or null pointer */
  TW_NOT_FOUND = 2,        /* no such file, input or output */
  TW_BAD_PACKAGE = 3,      /* damaged, or of another format version */
  TW_WRONG_CPU = 4,        /* compiled for a CPU with features this one lacks */
  TW_INTERNAL = 5,
  TW_UNAVAILABLE = 6 /* the device, its driver or what it needs is missing, or it was lost */
} tw_status;

typedef struct tw_model tw_model;

typedef struct tw_tensor_info {
  const char* name;     /* owned by the model */
  const char* dtype;    /* numpy's name: "float32", "float16", "uint8", ...; or "bfloat16", the
                           upper two bytes of a float32 */
  const int64_t* shape; /* owned by the model */
  size_t rank;
  size_t bytes;
} tw_tensor_info;

/* Text of this thread's last error; "" when none. Valid until the next call on this thread. */
const char* tw_last_error(void);
const char* tw_version(void);

/* threads: 0 = TILEWRIGHT_NUM_THREADS or the CPUs this process may use. */
tw_status tw_load(const char* path, int threads, tw_model** model);
/* The same on a device: "cpu", "opencl:0", "cuda:1"; "" = the first of the kind that the package
 * was compiled for. threads counts for a CPU only. */
tw_status tw_load_on(const char* path, const char* device, int threads, tw_model** model);
void tw_free(tw_model* model); /* null is allowed */

/* A package may hold several shapes of its model over one copy of the weights (`compile --dim
 * batch=1,4,16`). One of them is current, at first the first: everything below is about it, and
 * what tw_*_info gave ends when another becomes current.
 *
 * tw_bind takes the shape of every input and makes current what runs them: exactly these shapes,
 * else the next larger ones where the compiler has proven that what stands behind the last sample
 * of a batch changes nothing. Inputs and outputs then have the shapes asked for, all the same. Else
 * INVALID_ARGUMENT says which shapes there are, and why they cannot be padded. */
typedef struct tw_input_shape {
  const char* name;
  const int64_t* shape;
  size_t rank;
} tw_input_shape;

tw_status tw_bind(tw_model* model, const tw_input_shape* shapes, size_t count);
/* How many shapes there are (0 for null); makes the index-th of them current. */
size_t tw_num_bindings(const tw_model* model);
tw_status tw_select_binding(tw_model* model, size_t index);

size_t tw_num_inputs(const tw_model* model);
size_t tw_num_outputs(const tw_model* model);
tw_status tw_input_info(const tw_model* model, size_t index, tw_tensor_info* info);
tw_status tw_output_info(const tw_model* model, size_t index, tw_tensor_info* info);

/* Copies `bytes` (must equal the input's size) from data. */
tw_status tw_set_input(tw_model* model, const char* name, const void* data, size_t bytes);
tw_status tw_run(tw_model* model);
/* Points *data at the output's buffer: valid until the next run or free. */
tw_status tw_get_output(const tw_model* model, size_t index, const void** data);

/* What an output's numbers stand for where the model says it in strings (a classifier's labels):
 * an element v of an int64 output for the class v, a column i (of the last dimension) of a
 * floating-point one for the class i. 0 where the numbers stand for themselves. */
size_t tw_num_classes(const tw_model* model, size_t output);
/* Owned by the model, in UTF-8; null where there is no such class. */
const char* tw_class_name(const tw_model* model, size_t output, int64_t index);

/* Bytes of all weights, and of the current plan's arena. */
size_t tw_weight_bytes(const tw_model* model);
size_t tw_arena_bytes(const tw_model* model);

typedef struct tw_call_info {
  const char* label;    /* the layer; the strings are owned by the model */
  const char* kernel;   /* what runs; equal layers share kernels */
  const char* schedule; /* the template that made it, "plain", or "" when unknown */
  double flops;         /* multiply-add counted as two; 0 where it does not say anything */
} tw_call_info;

/* The plan's calls in the order of execution: index < tw_profile(model, NULL, NULL, 0). */
tw_status tw_get_call(const tw_model* model, size_t index, tw_call_info* info);
/* Per-call wall time of the next tw_run: seconds[i] for call i, labels owned by the model.
 * Returns the number of calls; pass null to ask for it. */
size_t tw_profile(tw_model* model, double* seconds, const char** labels, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif /* TILEWRIGHT_H_ */
