TW_FN void tw_ldmatrix_x4_f16(tw_f16* to, const tw_f16* row) {
  tw_u32* w = (tw_u32*)to;
  const tw_u32 at = (tw_u32)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(w[0]), "=r"(w[1]), "=r"(w[2]), "=r"(w[3]) : "r"(at) : "memory");
}
TW_FN void tw_mma_m16n8k16_f16(tw_f32* d, const tw_f16* left, const tw_f16* right) {
  const tw_u32* a = (const tw_u32*)left;
  const tw_u32* b = (const tw_u32*)right;
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
TW_KERNEL(32, 2, 1) dense(TW_INPUT(f16, data_0), TW_INPUT(f16, weight_1), TW_INPUT(f16, bias0_2), TW_OUTPUT(f16, out_3)) {
  const tw_i32 tile_n_4 = TW_BLOCK_Y;
  const tw_i32 tile_m_5 = TW_BLOCK_X;
  TW_SHARED_ARRAY(f16, left_shared_6, 3840);
  TW_SHARED_ARRAY(f16, right_shared_7, 3840);
  const tw_i32 row_warp_8 = TW_THREAD_Y;
  const tw_i32 lane_9 = TW_THREAD_X;
  TW_ALIGNED_ARRAY(f16, right_fragment_10, 16);
  TW_ALIGNED_ARRAY(f16, left_fragment_11, 8);
  TW_ARRAY(f32, sums_12, 16);
  TW_UNROLL
  for (tw_i32 p_13 = 0; p_13 < 2; ++p_13) {
    TW_UNROLL
    for (tw_i32 q_14 = 0; q_14 < 2; ++q_14) {
      TW_UNROLL
      for (tw_i32 half_15 = 0; half_15 < 2; ++half_15) {
        TW_UNROLL
        for (tw_i32 e_16 = 0; e_16 < 2; ++e_16) {
          sums_12[((((p_13 * 8) + (q_14 * 4)) + (half_15 * 2)) + e_16)] = 0x0p+0f;
        }
      }
    }
  }
  TW_UNROLL
  for (tw_i32 copy_17 = 0; copy_17 < 2; ++copy_17) {
    TW_ASYNC_COPY(16, TW_LOCAL , (left_shared_6 + ((((copy_17 * 640) + (row_warp_8 * 320)) + ((lane_9 / 4) * 40)) + ((lane_9 % 4) * 8))), TW_GLOBAL , (data_0 + (((((tile_m_5 * 5120) + (copy_17 * 2560)) + (row_warp_8 * 1280)) + ((lane_9 / 4) * 160)) + ((lane_9 % 4) * 8))), (((((tile_m_5 * 32) + (copy_17 * 16)) + (row_warp_8 * 8)) + (lane_9 / 4)) < 40));
  }
  TW_UNROLL
  for (tw_i32 copy_18 = 0; copy_18 < 2; ++copy_18) {
    TW_ASYNC_COPY(16, TW_LOCAL , (right_shared_7 + ((((copy_18 * 640) + (row_warp_8 * 320)) + ((lane_9 / 4) * 40)) + ((lane_9 % 4) * 8))), TW_GLOBAL , (weight_1 + (((((tile_n_4 * 5120) + (copy_18 * 2560)) + (row_warp_8 * 1280)) + ((lane_9 / 4) * 160)) + ((lane_9 % 4) * 8))), (((((tile_n_4 * 32) + (copy_18 * 16)) + (row_warp_8 * 8)) + (lane_9 / 4)) < 72));
  }
  TW_ASYNC_COMMIT;
  TW_UNROLL
  for (tw_i32 copy_19 = 0; copy_19 < 2; ++copy_19) {
    TW_ASYNC_COPY(16, TW_LOCAL , (left_shared_6 + (((((copy_19 * 640) + (row_warp_8 * 320)) + ((lane_9 / 4) * 40)) + ((lane_9 % 4) * 8)) + 1280)), TW_GLOBAL , (data_0 + ((((((tile_m_5 * 5120) + (copy_19 * 2560)) + (row_warp_8 * 1280)) + ((lane_9 / 4) * 160)) + ((lane_9 % 4) * 8)) + 32)), (((((tile_m_5 * 32) + (copy_19 * 16)) + (row_warp_8 * 8)) + (lane_9 / 4)) < 40));
  }
  TW_UNROLL
  for (tw_i32 copy_20 = 0; copy_20 < 2; ++copy_20) {
    TW_ASYNC_COPY(16, TW_LOCAL , (right_shared_7 + (((((copy_20 * 640) + (row_warp_8 * 320)) + ((lane_9 / 4) * 40)) + ((lane_9 % 4) * 8)) + 1280)), TW_GLOBAL , (weight_1 + ((((((tile_n_4 * 5120) + (copy_20 * 2560)) + (row_warp_8 * 1280)) + ((lane_9 / 4) * 160)) + ((lane_9 % 4) * 8)) + 32)), (((((tile_n_4 * 32) + (copy_20 * 16)) + (row_warp_8 * 8)) + (lane_9 / 4)) < 72));
  }
  TW_ASYNC_COMMIT;
  TW_UNROLL_BY(1)
  for (tw_i32 stage_21 = 0; stage_21 < 5; ++stage_21) {
    TW_ASYNC_WAIT(1);
    TW_BARRIER;
    if ((stage_21 < 3)) {
      TW_UNROLL
      for (tw_i32 copy_22 = 0; copy_22 < 2; ++copy_22) {
        TW_ASYNC_COPY(16, TW_LOCAL , (left_shared_6 + (((((((stage_21 + 2) % 3) * 1280) + (copy_22 * 640)) + (row_warp_8 * 320)) + ((lane_9 / 4) * 40)) + ((lane_9 % 4) * 8))), TW_GLOBAL , (data_0 + (((((((tile_m_5 * 5120) + (copy_22 * 2560)) + (row_warp_8 * 1280)) + ((lane_9 / 4) * 160)) + (stage_21 * 32)) + ((lane_9 % 4) * 8)) + 64)), (((((tile_m_5 * 32) + (copy_22 * 16)) + (row_warp_8 * 8)) + (lane_9 / 4)) < 40));
      }
      TW_UNROLL
      for (tw_i32 copy_23 = 0; copy_23 < 2; ++copy_23) {
        TW_ASYNC_COPY(16, TW_LOCAL , (right_shared_7 + (((((((stage_21 + 2) % 3) * 1280) + (copy_23 * 640)) + (row_warp_8 * 320)) + ((lane_9 / 4) * 40)) + ((lane_9 % 4) * 8))), TW_GLOBAL , (weight_1 + (((((((tile_n_4 * 5120) + (copy_23 * 2560)) + (row_warp_8 * 1280)) + ((lane_9 / 4) * 160)) + (stage_21 * 32)) + ((lane_9 % 4) * 8)) + 64)), (((((tile_n_4 * 32) + (copy_23 * 16)) + (row_warp_8 * 8)) + (lane_9 / 4)) < 72));
      }
    }
    TW_ASYNC_COMMIT;
    TW_UNROLL
    for (tw_i32 step_24 = 0; step_24 < 2; ++step_24) {
      tw_ldmatrix_x4_f16(&left_fragment_11[0], &left_shared_6[((((((stage_21 % 3) * 1280) + (row_warp_8 * 640)) + ((lane_9 % 16) * 40)) + (step_24 * 16)) + ((lane_9 / 16) * 8))]);
      TW_UNROLL
      for (tw_i32 p_25 = 0; p_25 < 2; ++p_25) {
        tw_ldmatrix_x4_f16(&right_fragment_10[(p_25 * 8)], &right_shared_7[(((((((stage_21 % 3) * 1280) + (p_25 * 640)) + ((lane_9 / 16) * 320)) + ((lane_9 % 8) * 40)) + (step_24 * 16)) + (((lane_9 / 8) % 2) * 8))]);
      }
      TW_UNROLL
      for (tw_i32 p_26 = 0; p_26 < 2; ++p_26) {
        TW_UNROLL
        for (tw_i32 q_27 = 0; q_27 < 2; ++q_27) {
          tw_mma_m16n8k16_f16(&sums_12[((p_26 * 8) + (q_27 * 4))], &left_fragment_11[0], &right_fragment_10[((p_26 * 8) + (q_27 * 4))]);
        }
      }
    }
  }
  TW_UNROLL
  for (tw_i32 p_28 = 0; p_28 < 2; ++p_28) {
    TW_UNROLL
    for (tw_i32 q_29 = 0; q_29 < 2; ++q_29) {
      TW_UNROLL
      for (tw_i32 half_30 = 0; half_30 < 2; ++half_30) {
        TW_UNROLL
        for (tw_i32 e_31 = 0; e_31 < 2; ++e_31) {
          if (((((((tile_m_5 * 32) + (row_warp_8 * 16)) + (half_30 * 8)) + (lane_9 / 4)) < 40) && ((((((tile_n_4 * 32) + (p_28 * 16)) + (q_29 * 8)) + ((lane_9 % 4) * 2)) + e_31) < 72))) {
            out_3[(((((((((tile_m_5 * 2304) + (row_warp_8 * 1152)) + (half_30 * 576)) + ((lane_9 / 4) * 72)) + (tile_n_4 * 32)) + (p_28 * 16)) + (q_29 * 8)) + ((lane_9 % 4) * 2)) + e_31)] = tw_store_f16(tw_round_to_f16(((tw_f32)(sums_12[((((p_28 * 8) + (q_29 * 4)) + (half_30 * 2)) + e_31)] + ((tw_f32)tw_load_f16(bias0_2[(((((tile_n_4 * 32) + (p_28 * 16)) + (q_29 * 8)) + ((lane_9 % 4) * 2)) + e_31)]))))));
          }
        }
      }
    }
  }
}
