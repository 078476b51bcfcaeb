TW_FN void tw_mma_m16n8k8_tf32(tw_f32* d, const tw_f32* left, const tw_f32* right) {
  tw_u32 a[4], b[2];
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(a[0]) : "f"(left[0]));
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(a[1]) : "f"(left[1]));
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(a[2]) : "f"(left[2]));
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(a[3]) : "f"(left[3]));
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(b[0]) : "f"(right[0]));
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(b[1]) : "f"(right[1]));
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
