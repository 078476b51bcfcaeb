/* Runs a package once and writes its outputs as they lie in memory, one after the other:
 *
 *   run_package PACKAGE.tar OUTPUTS.bin
 *
 * Every input is float32 and is filled with the same uniform numbers in [-1, 1) on every machine.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tilewright.h"

static int fail(const char* what) {
  fprintf(stderr, "run_package: %s: %s\n", what, tw_last_error());
  return 1;
}

static int fill_input(tw_model* model, const tw_tensor_info* input, uint32_t* state) {
  float* values = malloc(input->bytes);
  tw_status status;
  size_t i;
  if (values == NULL) return fail("memory");
  for (i = 0; i < input->bytes / sizeof(float); ++i) {
    /* Knuth's MMIX multiplier cut to 32 bits; the low bits are poor and left out. */
    *state = *state * 1664525u + 1013904223u;
    values[i] = (float)(*state >> 8) / 8388608.0f - 1.0f;
  }
  status = tw_set_input(model, input->name, values, input->bytes);
  free(values);
  return status == TW_OK ? 0 : fail(input->name);
}

static int write_outputs(const tw_model* model, FILE* file) {
  size_t i;
  for (i = 0; i < tw_num_outputs(model); ++i) {
    tw_tensor_info output;
    const void* data;
    if (tw_output_info(model, i, &output) != TW_OK) return fail("output");
    if (tw_get_output(model, i, &data) != TW_OK) return fail(output.name);
    if (fwrite(data, 1, output.bytes, file) != output.bytes) return fail("write");
  }
  return 0;
}

static int run(tw_model* model, const char* path) {
  uint32_t state = 1;
  FILE* file;
  int failed;
  size_t i;
  for (i = 0; i < tw_num_inputs(model); ++i) {
    tw_tensor_info input;
    if (tw_input_info(model, i, &input) != TW_OK) return fail("input");
    if (fill_input(model, &input, &state) != 0) return 1;
  }
  if (tw_run(model) != TW_OK) return fail("run");
  file = fopen(path, "wb");
  if (file == NULL) return fail(path);
  failed = write_outputs(model, file);
  return fclose(file) == 0 ? failed : fail(path);
}

int main(int argc, char** argv) {
  tw_model* model;
  int failed;
  if (argc != 3) {
    fprintf(stderr, "usage: run_package PACKAGE.tar OUTPUTS.bin\n");
    return 2;
  }
  if (tw_load(argv[1], 2, &model) != TW_OK) return fail(argv[1]);
  failed = run(model, argv[2]);
  tw_free(model);
  return failed;
}
