TW_FN void tw_wgmma_m64n64_trans_bf16_step(tw_f32* d, tw_u64 left, tw_u64 right) {
  asm volatile("{\n.reg .pred more;\nsetp.eq.u32 more, 1, 1;\n"
               "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, %32, %33, more, 1, 1, 0, 1;\n}"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
               : "l"(left), "l"(right));
}
TW_FN void tw_wgmma_m64n64_trans_bf16(TW_PLACE(f32) d, TW_PLACE(bf16) left, TW_PLACE(bf16) right) {
  const tw_u64 a = tw_descriptor(TW_SHARED_ADDRESS(left), 16);
  const tw_u64 b = tw_descriptor(TW_SHARED_ADDRESS(right), 64 * 128);
  TW_UNROLL
  for (int k = 0; k < 4; ++k) tw_wgmma_m64n64_trans_bf16_step(d, a + k * (32 >> 4), b + k * (16 * 128 >> 4));
}
