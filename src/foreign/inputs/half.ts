// Floats of 16 bits: IEEE 754 binary16, and bfloat16. Rounded once, to the nearest, ties to even; straight from the double, as rounding by way of
// 32 bits would round twice.

/** The bits of the half next to a number; infinity from 65520 on. */
export const halfBits = (value: number): number => bitsOf(value, 10, 15);

/** The bits of the bfloat16 next to a number. */
export const bfloat16Bits = (value: number): number => bitsOf(value, 7, 127);

export const halfValue = (bits: number): number => numberOf(bits, 10, 15);

export const bfloat16Value = (bits: number): number => numberOf(bits, 7, 127);

const word = new DataView(new ArrayBuffer(8));

/** `fraction` bits after the point; `bias` of the exponent. */
function bitsOf(value: number, fraction: number, bias: number): number {
  const infinity = (2 * bias + 1) << fraction;
  if (Number.isNaN(value)) return infinity | (1 << (fraction - 1));
  word.setFloat64(0, value);
  const high = word.getUint32(0);
  const sign = high >>> 31 === 1 ? 0x8000 : 0;
  const size = Math.abs(value);
  // Numbers below the smallest normal one stand in its steps.
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, 1 - bias);
  if (exponent > bias) return sign | infinity;
  // Scaling by powers of two is exact; a carry out of the fraction raises the exponent, up to infinity.
  const steps = nearestEven(size * 2 ** (fraction - exponent));
  const isNormal = steps >= 1 << fraction;
  return sign | (isNormal ? ((exponent + bias - 1) << fraction) + steps : steps);
}

function numberOf(bits: number, fraction: number, bias: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> fraction;
  const rest = bits & ((1 << fraction) - 1);
  if (exponent === 2 * bias + 1) return rest === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * rest * 2 ** (1 - bias - fraction);
  return sign * (1 + rest / (1 << fraction)) * 2 ** (exponent - bias);
}

function nearestEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
