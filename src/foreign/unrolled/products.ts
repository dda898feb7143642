/** Products with a matrix, in any form that optimisers make of them. */
export const MATRIX: ReadonlySet<string> = new Set(
  'MatMul Gemm FusedMatMul FusedGemm Conv FusedConv MatMulInteger QLinearMatMul MatMulNBits Einsum'.split(' '),
);
