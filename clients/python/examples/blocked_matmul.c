// A kernel of one's own: c = a * b of 256 x 256 floats in blocks. Prints the milliseconds of one
// product, the fastest of five; exits with 1 when the product is wrong.
// Built with -DROWS=, -DCOLUMNS=, -DDEPTH= (sizes of a block) and -DUNROLL=.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { kSize = 256 };
static float a[kSize][kSize], b[kSize][kSize], c[kSize][kSize];

static void Block(int row, int column, int depth) {
  for (int i = row; i < row + ROWS; ++i) {
    for (int k = depth; k < depth + DEPTH; k += UNROLL) {
      for (int j = column; j < column + COLUMNS; ++j) {
        for (int u = 0; u < UNROLL; ++u) c[i][j] += a[i][k + u] * b[k + u][j];
      }
    }
  }
}

static double Multiply(void) {
  struct timespec start, end;
  for (int i = 0; i < kSize * kSize; ++i) (&c[0][0])[i] = 0;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < kSize; i += ROWS) {
    for (int k = 0; k < kSize; k += DEPTH) {
      for (int j = 0; j < kSize; j += COLUMNS) Block(i, j, k);
    }
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) * 1e-6;
}

int main(void) {
  for (int i = 0; i < kSize; ++i) {
    for (int j = 0; j < kSize; ++j) a[i][j] = (i + j) % 7, b[i][j] = (i * j) % 5;
  }
  double best = Multiply();
  for (int i = 1; i < 5; ++i) {
    const double milliseconds = Multiply();
    if (milliseconds < best) best = milliseconds;
  }
  float expected = 0;
  for (int k = 0; k < kSize; ++k) expected += a[3][k] * b[k][5];
  if (c[3][5] != expected) return 1;
  printf("%.6f ms\n", best);
  return 0;
}
