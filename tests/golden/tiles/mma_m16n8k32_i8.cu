TW_FN void tw_mma_m16n8k32_i8(tw_i32* d, const tw_i8* left, const tw_i8* right) {
  const tw_u32* a = (const tw_u32*)left;
  const tw_u32* b = (const tw_u32*)right;
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
