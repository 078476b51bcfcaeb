// What the emulator and the kernels that it runs say to each other, in plain C. The same text is
// the head of every kernel (emulator/prelude.cc), so both see one thing.
#pragma once

// tw_memory   what a kernel reads and writes. Of each byte `state` has kWrittenByte once it has
//             contents, kLateByte while an asynchronous copy to it is under way. `scope`: whether
//             threads share it (kSharedMemory, kGlobalMemory) or checks of a kernel's own suffice.
// tw_tile     one instruction of a warp (compiler/loop/tile.h) as one thread names it. The last
//             thread of the warp to come has `run` do it for all, `lanes` in their order; `quarter`
//             is which of its warpgroup's warps it is. Where `late` is not 0, so many bytes of the
//             first operand are nobody's until the wait for its group, which runs it. Without `run`
//             it is that wait, for all but the last `groups` groups.
// tw_machine  the thread that runs, and what it may ask for. fail and what fails do not return.
//             touch: `how` is kReadTouch, kWriteTouch or kAddTouch, to what was written.
//             copy: of zeros from null. touch_rows: `count` lanes from `first` read or write 16
//             bytes of shared memory at an operand, in one pass. landed: bytes at an address of
//             shared memory, all of which have landed.
//             shared: where in the block's shared memory, -1: after what there is. slot_barrier:
//             kBarrierInit, ... of the mbarrier at an address. load_box: of a map, which is the
//             memory of its tensor, from element `first`, last dimension first. arrive: a block
//             has come to a counter; 1: it is the last.
#define TW_KERNEL_INTERFACE                                                                      \
  struct tw_memory {                                                                             \
    char* data;                                                                                  \
    unsigned char* state;                                                                        \
    long long bytes;                                                                             \
    const char* name;                                                                            \
    int scope;                                                                                   \
  };                                                                                             \
  struct tw_operand {                                                                            \
    tw_memory* memory;                                                                           \
    long long at;                                                                                \
  };                                                                                             \
  struct tw_tile {                                                                               \
    const char* name;                                                                            \
    int line;                                                                                    \
    void (*run)(const tw_tile* lanes, int quarter);                                              \
    tw_operand operands[4];                                                                      \
    unsigned long long descriptors[2];                                                           \
    int late, groups;                                                                            \
  };                                                                                             \
  struct tw_machine {                                                                            \
    int block[3], thread[3];                                                                     \
    tw_memory* (*shared)(tw_machine * machine, const char* name, long long bytes, long long at); \
    void (*touch)(tw_machine * machine, tw_memory* memory, long long at, int bytes, int how);    \
    void (*fail)(tw_machine * machine, const char* what, const tw_memory* memory, long long at); \
    void (*barrier)(tw_machine * machine, int line);                                             \
    void (*copy)(tw_machine * machine, tw_memory* to, long long to_at, tw_memory* from,          \
                 long long from_at, int bytes);                                                  \
    void (*commit)(tw_machine * machine);                                                        \
    void (*wait)(tw_machine * machine, int groups);                                              \
    void (*tile)(tw_machine * machine, const tw_tile* tile);                                     \
    void (*touch_rows)(tw_machine * machine, const tw_tile* lanes, int first, int count,         \
                       int operand, int write);                                                  \
    const char* (*landed)(tw_machine * machine, long long at, int bytes);                        \
    long long (*address)(tw_machine * machine, const tw_memory* memory);                         \
    void (*slot_barrier)(tw_machine * machine, int what, long long at, int value, int line);     \
    void (*load_box)(tw_machine * machine, const tw_memory* map, const int* first, int count,    \
                     long long to, long long barrier);                                           \
    void (*group_fence)(tw_machine * machine);                                                   \
    void (*group_commit)(tw_machine * machine);                                                  \
    void (*fence)(tw_machine * machine);                                                         \
    int (*arrive)(tw_machine * machine, tw_memory* counter, long long at, int blocks);           \
  };

namespace tilewright::runtime {

extern "C" {
TW_KERNEL_INTERFACE
}

inline constexpr unsigned char kWrittenByte = 1, kLateByte = 2;
inline constexpr int kReadTouch = 0, kWriteTouch = 1, kAddTouch = 2;
inline constexpr int kPrivateMemory = 0, kSharedMemory = 1, kGlobalMemory = 2;
inline constexpr int kBarrierInit = 0, kBarrierArrive = 1, kBarrierExpect = 2, kBarrierWait = 3;

}  // namespace tilewright::runtime
