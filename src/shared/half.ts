// Floats of 16 bits (IEEE 754 binary16) in a Uint16Array. Rounded once, to the nearest, ties to even: straight from the double, as rounding by way of 32
// bits would round twice.

/** The bits of the half next to a number; those of infinity from 65520 on. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  word.setFloat64(0, value);
  const high = word.getUint32(0);
  const sign = high >>> 31 === 1 ? 0x8000 : 0;
  // Numbers below the smallest normal one stand in its steps.
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, -14);
  if (exponent > 15) return sign | 0x7c00;
  // Scaling by powers of two is exact; a carry out of the fraction raises the exponent, up to infinity.
  const steps = nearestEven(Math.abs(value) * 2 ** (10 - exponent));
  return sign | (steps >= 1024 ? ((exponent + 14) << 10) + steps : steps);
}

/** The number that the bits of a half are. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(8));

function nearestEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
