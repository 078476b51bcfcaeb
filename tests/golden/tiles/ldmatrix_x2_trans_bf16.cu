TW_FN void tw_ldmatrix_x2_trans_bf16(tw_bf16* to, const tw_bf16* row) {
  tw_u32* w = (tw_u32*)to;
  const tw_u32 at = (tw_u32)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(w[0]), "=r"(w[1]) : "r"(at) : "memory");
}
