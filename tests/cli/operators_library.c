/* A library of operators as a user writes one, and what others of them may do wrong. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/include/tilewright_operators.h"

static char text[4096];

/* The operator of examples/operators with one pixel for all; the number of its attributes is made
 * by a program. */
static const char* Text(void) {
  static const char* const kNames[] = {"interpolation", "padding_mode"};
  size_t i;
  strcpy(text, "operator com.example.GridSample:\n");
  for (i = 0; i < 2; ++i) {
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "  attribute %s: string = \"\"\n",
             kNames[i]);
  }
  strcat(text,
         "  attribute align_corners: bool = false\n"
         "  type T: float32\n"
         "  input image: T[N, C, H, W]\n"
         "  input grid: T[N, Y, X, 2]\n"
         "  output sampled: T[N, C, Y, X]\n"
         "  define:\n"
         "    for n in 0..N:\n"
         "      for c in 0..C:\n"
         "        for y in 0..Y:\n"
         "          for x in 0..X:\n"
         "            sampled[n, c, y, x] = image[n, c, 0, 0] + T(0) * grid[n, y, x, 0]\n");
  return text;
}

const char* tilewright_operators(int version) {
#if defined(CRASHES)
  *(volatile int*)8 = version;
#elif defined(HANGS)
  for (;;) version += *(volatile int*)&version;
#elif defined(WRITES)
  close(open("written", O_WRONLY | O_CREAT, 0600));
#elif defined(CONNECTS)
  socket(AF_INET, SOCK_STREAM, 0);
#elif defined(REFUSES)
  return version == 0 ? text : NULL;
#elif defined(TALKS)
  return "operator nonsense\n";
#endif
  return version == 1 ? Text() : NULL;
}
