TW_FN void tw_tma_load_i8(tw_i8* to, const tw_map& map, tw_u64* full, int c1, int c2) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
               "[%0], [%1, {%3, %4}], [%2];"
               : : "r"(TW_SHARED_ADDRESS(to)), "l"((tw_u64)&map), "r"(TW_SHARED_ADDRESS(full)), "r"(c1), "r"(c2) : "memory");
}
TW_FN void tw_tma_load_i8(tw_i8* to, const tw_map& map, tw_u64* full, int c1, int c2, int c3) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
               "[%0], [%1, {%3, %4, %5}], [%2];"
               : : "r"(TW_SHARED_ADDRESS(to)), "l"((tw_u64)&map), "r"(TW_SHARED_ADDRESS(full)), "r"(c1), "r"(c2), "r"(c3) : "memory");
}
TW_FN void tw_tma_load_i8(tw_i8* to, const tw_map& map, tw_u64* full, int c1, int c2, int c3, int c4) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
               "[%0], [%1, {%3, %4, %5, %6}], [%2];"
               : : "r"(TW_SHARED_ADDRESS(to)), "l"((tw_u64)&map), "r"(TW_SHARED_ADDRESS(full)), "r"(c1), "r"(c2), "r"(c3), "r"(c4) : "memory");
}
TW_FN void tw_tma_load_i8(tw_i8* to, const tw_map& map, tw_u64* full, int c1, int c2, int c3, int c4, int c5) {
  asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
               "[%0], [%1, {%3, %4, %5, %6, %7}], [%2];"
               : : "r"(TW_SHARED_ADDRESS(to)), "l"((tw_u64)&map), "r"(TW_SHARED_ADDRESS(full)), "r"(c1), "r"(c2), "r"(c3), "r"(c4), "r"(c5) : "memory");
}
