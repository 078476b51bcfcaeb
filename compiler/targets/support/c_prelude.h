// What kernel text (c_text.h) is written against, in each language that compiles it.
#pragma once

#include <string>

#include "runtime/device/device_kind.h"

namespace tilewright {

// Goes before the kernels: the kind's own prelude, then what can be written in every language.
// `doubles`: float64 is used.
//
// A kind's prelude defines the types tw_f32, tw_f64 (or its double_prelude does), tw_i64 ... tw_u8,
// tw_bool and, of so many bytes, tw_v2, tw_v4, tw_v8, tw_v16; the qualifiers TW_GLOBAL, TW_LOCAL,
// TW_KERNEL(block's x, y, z), TW_FN; parameters and arrays TW_INPUT, TW_OUTPUT, TW_SHARED_ARRAY,
// TW_ALIGNED_ARRAY (to 16 bytes), TW_ARRAY; an access as another type TW_AS(bytes, space, place);
// coordinates TW_BLOCK_X ... TW_THREAD_Z; TW_BARRIER; TW_UNROLL; literals TW_I64, TW_U64,
// TW_ZERO_8, TW_ZERO_16, TW_INF_f32, TW_NAN_f32, TW_INF_f64, TW_NAN_f64; a float's bits TW_BITS,
// TW_FROM_BITS; C's mathematical functions by TW_M32(name) and TW_M64(name); tw_load_f16,
// tw_store_f16. It may define TW_UNROLL_BY(n), how often the loop that
// follows is repeated at most; TW_ASYNC_COPY, TW_ASYNC_COMMIT and TW_ASYNC_WAIT; TW_PRODUCT_f32 and
// TW_PRODUCT_f64, where its compiler would fuse the language's products with sums;
// TW_EXPORT(kernel), which follows each kernel; and for what the last block of several does
// (kLastBlock) TW_SCRATCH, a parameter that blocks leave for each other, TW_FENCE, after which what
// a thread wrote is seen by whoever sees what it writes next, and tw_is_last(&counter, blocks),
// which counts a block in one step and sets the counter to 0 when it is the last; for kAtomicAdd
// tw_add_f32(&element, value) and tw_add_i32.
std::string PreludeOf(const runtime::DeviceKind& kind, bool doubles);

}  // namespace tilewright
