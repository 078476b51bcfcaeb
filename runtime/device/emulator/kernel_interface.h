// What the emulator and the kernels that it runs say to each other, in plain C. The same text is
// the head of every kernel (emulator/prelude.cc), so both see one thing.
#pragma once

// tw_memory   what a kernel reads and writes. Of each byte `state` has kWrittenByte once it has
//             contents, kLateByte while an asynchronous copy to it is under way. `scope`: whether
//             threads share it (kSharedMemory, kGlobalMemory) or checks of a kernel's own suffice.
// tw_tile     one warp instruction (compiler/loop/tile.h) of one thread: `depth` of a
//             multiplication (to += left * right) of elements of `type`, else `matrices` loads to
//             `to` from `row`.
// tw_machine  the thread that runs, and what it may ask for. fail and what fails do not return. A
//             copy from null is of zeros.
#define TW_KERNEL_INTERFACE                                                                      \
  struct tw_memory {                                                                             \
    char* data;                                                                                  \
    unsigned char* state;                                                                        \
    long long bytes;                                                                             \
    const char* name;                                                                            \
    int scope;                                                                                   \
  };                                                                                             \
  struct tw_tile {                                                                               \
    const char* name;                                                                            \
    int line, type, depth, matrices, transposed;                                                 \
    void* to;                                                                                    \
    const void *left, *right;                                                                    \
    tw_memory* rows;                                                                             \
    long long row;                                                                               \
  };                                                                                             \
  struct tw_machine {                                                                            \
    int block[3], thread[3];                                                                     \
    tw_memory* (*shared)(tw_machine * machine, const char* name, long long bytes);               \
    void (*touch)(tw_machine * machine, tw_memory* memory, long long at, int bytes, int write);  \
    void (*fail)(tw_machine * machine, const char* what, const tw_memory* memory, long long at); \
    void (*barrier)(tw_machine * machine, int line);                                             \
    void (*copy)(tw_machine * machine, tw_memory* to, long long to_at, tw_memory* from,          \
                 long long from_at, int bytes);                                                  \
    void (*commit)(tw_machine * machine);                                                        \
    void (*wait)(tw_machine * machine, int groups);                                              \
    void (*tile)(tw_machine * machine, const tw_tile* tile);                                     \
  };

namespace tilewright::runtime {

extern "C" {
TW_KERNEL_INTERFACE
}

inline constexpr unsigned char kWrittenByte = 1, kLateByte = 2;
inline constexpr int kPrivateMemory = 0, kSharedMemory = 1, kGlobalMemory = 2;
// Types of tw_tile.
inline constexpr int kTileF16 = 0, kTileBF16 = 1, kTileTf32 = 2, kTileI8 = 3;

}  // namespace tilewright::runtime
