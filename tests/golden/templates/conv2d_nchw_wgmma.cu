TW_KERNEL(32, 8, 1) channels_last(TW_INPUT(f16, data_0), TW_OUTPUT(f16, pixels_1)) {
  const tw_i32 block_y_2 = TW_BLOCK_Y;
  const tw_i32 block_x_3 = TW_BLOCK_X;
  TW_SHARED_ARRAY(f16, square_4, 1056);
  const tw_i32 row_5 = TW_THREAD_Y;
  const tw_i32 thread_6 = TW_THREAD_X;
  TW_UNROLL
  for (tw_i32 i_7 = 0; i_7 < 4; ++i_7) {
    square_4[(((i_7 * 264) + (row_5 * 33)) + thread_6)] = ((((((block_y_2 * 32) + (i_7 * 8)) + row_5) < 72) && ((((((((block_x_3 * 32) + thread_6) / 5) % 4) * 2) + (((block_x_3 * 32) + thread_6) / 80)) < 7) && ((((((block_x_3 * 2) + thread_6) % 5) * 2) + ((((block_x_3 * 32) + thread_6) / 40) % 2)) < 9))) ? data_0[((((((((((((block_x_3 * 32) + thread_6) / 20) % 2) * 4536) + (block_y_2 * 2016)) + (i_7 * 504)) + (row_5 * 63)) + (((((block_x_3 * 32) + thread_6) / 5) % 4) * 18)) + ((((block_x_3 * 32) + thread_6) / 80) * 9)) + ((((block_x_3 * 2) + thread_6) % 5) * 2)) + ((((block_x_3 * 32) + thread_6) / 40) % 2))] : 0);
  }
  TW_BARRIER;
  TW_UNROLL
  for (tw_i32 i_8 = 0; i_8 < 4; ++i_8) {
    if ((((block_y_2 * 32) + thread_6) < 72)) {
      pixels_1[(((((block_x_3 * 2304) + (i_8 * 576)) + (row_5 * 72)) + (block_y_2 * 32)) + thread_6)] = square_4[(((thread_6 * 33) + (i_8 * 8)) + row_5)];
    }
  }
}
TW_KERNEL(160, 1, 1) conv2d(TW_INPUT(f16, pixels_0), TW_INPUT(f16, weights_1), TW_INPUT(f16, bias0_2), TW_OUTPUT(f16, out_3), TW_MAP(map_4), TW_MAP(map_5)) {
  TW_DYNAMIC;
  const tw_i32 block_y_6 = TW_BLOCK_Y;
  TW_DYNAMIC_ARRAY(f16, left_slots_7, 8192, 0);
  TW_DYNAMIC_ARRAY(f16, right_slots_8, 4096, 16384);
  const tw_i32 thread_9 = TW_THREAD_X;
  TW_ARRAY(f32, sums_10, 16);
  if ((thread_9 < 128)) {
    TW_UNROLL
    for (tw_i32 i_11 = 0; i_11 < 16; ++i_11) {
      sums_10[i_11] = 0x0p+0f;
    }
  }
  TW_DYNAMIC_ARRAY(u64, full_12, 2, 24576);
  TW_DYNAMIC_ARRAY(u64, empty_13, 2, 24592);
  for (int i = 0; TW_THREAD_X == 0 && i < 2; ++i) {
    tw_barrier_init(&full_12[i], 1);
    tw_barrier_init(&empty_13[i], 4);
  }
  tw_barrier_fence();
  TW_BARRIER;
  if (TW_OF_WARP(TW_THREAD_X / 32) < 4) {
    TW_UNROLL_BY(1)
    for (tw_i32 stage_14 = 0; stage_14 < 18; ++stage_14) {
      tw_barrier_wait(&full_12[stage_14 % 2], stage_14 / 2 % 2);
      tw_wgmma_fence();
      tw_wgmma_m64n32_f16(&sums_10[0], &left_slots_7[(((thread_9 / 128) * 4096) + ((stage_14 % 2) * 4096))], &right_slots_8[((stage_14 % 2) * 2048)]);
      tw_wgmma_commit();
      TW_WGMMA_WAIT(0);
      if (TW_THREAD_X % 32 == 0) tw_barrier_arrive(&empty_13[stage_14 % 2]);
    }
  } else if (TW_THREAD_X == 128) {
    TW_UNROLL_BY(1)
    for (tw_i32 stage_14 = 0; stage_14 < 18; ++stage_14) {
      tw_barrier_wait(&empty_13[stage_14 % 2], 1 - stage_14 / 2 % 2);
      tw_barrier_expect(&full_12[stage_14 % 2], 12288);
      tw_tma_load_f16(&left_slots_7[((stage_14 % 2) * 4096)], map_4, &full_12[stage_14 % 2], (int)(((stage_14 % 2) * 64)), (int)(0), (int)((stage_14 / 2)));
      tw_tma_load_f16(&right_slots_8[((stage_14 % 2) * 2048)], map_5, &full_12[stage_14 % 2], (int)(((stage_14 % 2) * 64)), (int)((((((stage_14 / 2) % 3) + 1) / 2) - 1)), (int)((((stage_14 + 6) / 12) - 1)), (int)(block_y_6), (int)((((((stage_14 / 6) + 1) % 2) * 2) + ((((stage_14 / 2) % 3) + 1) % 2))));
    }
  }
  if ((thread_9 < 128)) {
    TW_UNROLL
    for (tw_i32 eight_15 = 0; eight_15 < 4; ++eight_15) {
      TW_UNROLL
      for (tw_i32 half_16 = 0; half_16 < 2; ++half_16) {
        TW_UNROLL
        for (tw_i32 e_17 = 0; e_17 < 2; ++e_17) {
          if (((((((thread_9 / 32) * 16) + (half_16 * 8)) + ((thread_9 % 32) / 4)) < 24) && ((((thread_9 % 4) * 2) + e_17) < 5))) {
            out_3[(((((((block_y_6 * 480) + ((thread_9 / 32) * 320)) + (half_16 * 160)) + (((thread_9 % 32) / 4) * 20)) + (eight_15 * 5)) + ((thread_9 % 4) * 2)) + e_17)] = tw_store_f16(tw_round_to_f16(((tw_f32)tw_max_f32((sums_10[(((eight_15 * 4) + (half_16 * 2)) + e_17)] + ((tw_f32)tw_load_f16(bias0_2[((((thread_9 / 32) * 16) + (half_16 * 8)) + ((thread_9 % 32) / 4))]))), 0x0p+0f))));
          }
        }
      }
    }
  }
}
