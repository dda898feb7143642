// Seeded chance. A generator is made from keys (a seed, a parameter's name, a step), so that what is drawn for one name depends on no other.
// The generator is sfc32 (Doty-Humphrey, PractRand); keys are hashed with two rounds of FNV-1a per word of state.

export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number;
  /** Normal with mean 0 and deviation 1 (Box & Muller 1958). */
  normal(): number;
}

export function random(...keys: readonly (string | number)[]): Random {
  const text = keys.join('\u0000');
  let [a, b, c] = [hash(text, 0x811c9dc5), hash(text, 0x01234567), hash(text, 0x89abcdef)];
  let counter = 1;
  const next = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    return result >>> 0;
  };
  for (let k = 0; k < 15; k += 1) next();

  const uniform = (): number => next() / 4294967296;
  let spare: number | undefined;
  const normal = (): number => {
    if (spare !== undefined) {
      const result = spare;
      spare = undefined;
      return result;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { uniform, normal };
}

function hash(text: string, basis: number): number {
  let value = basis;
  for (let k = 0; k < text.length; k += 1) value = Math.imul(value ^ text.charCodeAt(k), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}

/** Uniform numbers in [0, 1) by one seed. */
export const seeded = (seed: number): (() => number) => random(seed).uniform;
