TW_FN void tw_wgmma_m64n32_f16_step(tw_f32* d, tw_u64 left, tw_u64 right) {
  asm volatile("{\n.reg .pred more;\nsetp.eq.u32 more, 1, 1;\n"
               "wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, %16, %17, more, 1, 1, 0, 0;\n}"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
               : "l"(left), "l"(right));
}
TW_FN void tw_wgmma_m64n32_f16(TW_PLACE(f32) d, TW_PLACE(f16) left, TW_PLACE(f16) right) {
  const tw_u64 a = tw_descriptor(TW_SHARED_ADDRESS(left), 16);
  const tw_u64 b = tw_descriptor(TW_SHARED_ADDRESS(right), 16);
  TW_UNROLL
  for (int k = 0; k < 4; ++k) tw_wgmma_m64n32_f16_step(d, a + k * (32 >> 4), b + k * (32 >> 4));
}
