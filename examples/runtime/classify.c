/* Runs a classifier once and prints its five best classes:
 *
 *   classify PACKAGE.tar [IMAGE.bin]
 *
 * IMAGE.bin holds the first input's values, row-major, as they lie in memory; without it the input
 * is a grey ramp. Build: cc classify.c -ltilewright */
#include <stdio.h>
#include <stdlib.h>

#include "tilewright.h"

static int fail(const char* what) {
  fprintf(stderr, "classify: %s: %s\n", what, tw_last_error());
  return 1;
}

/* Fills the input from the file, or with a ramp from 0 to 1 when there is none. */
static int fill_input(const char* path, float* values, size_t count) {
  size_t i, got;
  FILE* file;
  if (path == NULL) {
    for (i = 0; i < count; ++i) values[i] = (float)i / (float)count;
    return 0;
  }
  file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    return 1;
  }
  got = fread(values, sizeof(float), count, file);
  fclose(file);
  if (got == count) return 0;
  fprintf(stderr, "classify: %s holds %lu values, the model wants %lu\n", path, (unsigned long)got,
          (unsigned long)count);
  return 1;
}

static void print_best(const float* scores, size_t count, size_t how_many) {
  size_t rank, i;
  float limit = 0;
  for (rank = 0; rank < how_many && rank < count; ++rank) {
    size_t best = count;
    for (i = 0; i < count; ++i) {
      if (rank > 0 && scores[i] >= limit) continue;
      if (best == count || scores[i] > scores[best]) best = i;
    }
    if (best == count) return; /* only equal scores are left */
    limit = scores[best];
    printf("class %lu score %g\n", (unsigned long)best, (double)limit);
  }
}

static int classify(tw_model* model, const char* image) {
  tw_tensor_info input, output;
  const void* scores;
  float* values;
  int failed;
  if (tw_input_info(model, 0, &input) != TW_OK) return fail("input");
  if (tw_output_info(model, 0, &output) != TW_OK) return fail("output");
  values = malloc(input.bytes > 0 ? input.bytes : 1);
  if (values == NULL) return fail("memory");
  failed = fill_input(image, values, input.bytes / sizeof(float));
  if (!failed && tw_set_input(model, input.name, values, input.bytes) != TW_OK) {
    failed = fail("set input");
  }
  free(values);
  if (failed) return 1;
  if (tw_run(model) != TW_OK) return fail("run");
  if (tw_get_output(model, 0, &scores) != TW_OK) return fail("get output");
  print_best(scores, output.bytes / sizeof(float), 5);
  return 0;
}

int main(int argc, char** argv) {
  tw_model* model;
  int failed;
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: classify PACKAGE.tar [IMAGE.bin]\n");
    return 2;
  }
  if (tw_load(argv[1], 0, &model) != TW_OK) return fail(argv[1]);
  failed = classify(model, argc == 3 ? argv[2] : NULL);
  tw_free(model);
  return failed;
}
