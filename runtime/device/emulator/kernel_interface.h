// What the emulator and the kernels that it runs say to each other, in plain C. The same text is
// the head of every kernel (emulator/prelude.cc), so both see one thing.
#pragma once

// tw_memory   what a kernel reads and writes. Of each byte `state` has kWrittenByte once it has
//             contents, kLateByte while an asynchronous copy to it is under way. `scope`: whether
//             threads share it (kSharedMemory, kGlobalMemory) or checks of a kernel's own suffice.
// tw_tile     one warp instruction (compiler/loop/tile.h) of one thread: `depth` of a
//             multiplication (to += left * right) of elements of `type`, else `matrices` loads to
//             `to` from `row`. Where `group` is kGroupMultiply, a warp's quarter of a warpgroup's
//             step: `columns` columns of sums += the matrices of two descriptors; where it is
//             kGroupWait, the wait for all but the last `columns` groups of them.
//             shared: where in the block's shared memory, -1: after what there is. slot_barrier:
//             kBarrierInit, ... of the mbarrier at an address. load_box: of a map, which is the
//             memory of its tensor, from element `first`, last dimension first.
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
    int group, columns;                                                                          \
    tw_memory* sums;                                                                             \
    long long sum;                                                                               \
    unsigned long long descriptors[2];                                                           \
  };                                                                                             \
  struct tw_machine {                                                                            \
    int block[3], thread[3];                                                                     \
    tw_memory* (*shared)(tw_machine * machine, const char* name, long long bytes, long long at); \
    void (*touch)(tw_machine * machine, tw_memory* memory, long long at, int bytes, int write);  \
    void (*fail)(tw_machine * machine, const char* what, const tw_memory* memory, long long at); \
    void (*barrier)(tw_machine * machine, int line);                                             \
    void (*copy)(tw_machine * machine, tw_memory* to, long long to_at, tw_memory* from,          \
                 long long from_at, int bytes);                                                  \
    void (*commit)(tw_machine * machine);                                                        \
    void (*wait)(tw_machine * machine, int groups);                                              \
    void (*tile)(tw_machine * machine, const tw_tile* tile);                                     \
    long long (*address)(tw_machine * machine, const tw_memory* memory);                         \
    void (*slot_barrier)(tw_machine * machine, int what, long long at, int value, int line);     \
    void (*load_box)(tw_machine * machine, const tw_memory* map, const int* first, int count,    \
                     long long to, long long barrier);                                           \
    void (*group_fence)(tw_machine * machine);                                                   \
    void (*group_commit)(tw_machine * machine);                                                  \
  };

namespace tilewright::runtime {

extern "C" {
TW_KERNEL_INTERFACE
}

inline constexpr unsigned char kWrittenByte = 1, kLateByte = 2;
inline constexpr int kPrivateMemory = 0, kSharedMemory = 1, kGlobalMemory = 2;
inline constexpr int kGroupMultiply = 1, kGroupWait = 2;
inline constexpr int kBarrierInit = 0, kBarrierArrive = 1, kBarrierExpect = 2, kBarrierWait = 3;
// Types of tw_tile.
inline constexpr int kTileF16 = 0, kTileBF16 = 1, kTileTf32 = 2, kTileI8 = 3;

}  // namespace tilewright::runtime
