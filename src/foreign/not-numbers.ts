// Inputs that are no numbers (NaN). onnxruntime's kernels for LSTM and GRU bound the sums of a gate once they have added a bias, by the largest float
// where the file gives no `clip`, and the bound of NaN is that: the gate is 1, and the states go on as numbers. The replay keeps to the equations, whose
// values are NaN from there on; so those are told apart from what can be compared.

/** What was found, with the model's own where it is NaN and the model has a number; and how many of these there are. */
export function withoutLost(found: Float32Array, expected: Float32Array): { readonly found: Float32Array; readonly lost: number } {
  let lost = 0;
  const kept = found.map((value, k) => {
    if (!Number.isNaN(value) || Number.isNaN(expected[k])) return value;
    lost += 1;
    return expected[k]!;
  });
  return { found: kept, lost };
}
