// The numbers of a window as files: CSV for tables, NPY for numpy.

/** A file to be saved; `format` is also its ending. */
export interface ExportedFile {
  readonly name: string;
  readonly format: 'svg' | 'png' | 'csv' | 'npy';
  readonly bytes: Uint8Array;
}

export interface WindowValues {
  readonly name: string;
  /** The first timestep. */
  readonly from: number;
  readonly units: number;
  /** Names of the units; `u0`, `u1`, ... */
  readonly names?: readonly string[];
  readonly tokens: readonly string[];
  /** [timesteps, units] */
  readonly values: Float32Array;
}

export function numbersFile(format: 'csv' | 'npy', window: WindowValues): ExportedFile {
  return { name: window.name, format, bytes: format === 'csv' ? new TextEncoder().encode(csv(window)) : npy(window) };
}

/** A line a timestep: t, token, then the units. Quoted as RFC 4180 has it. */
function csv({ from, units, names, tokens, values }: WindowValues): string {
  const header = ['t', 'token', ...(names ?? Array.from({ length: units }, (_, unit) => `u${unit}`))].join(',');
  const lines = tokens.map((token, index) => {
    const quoted = `"${token.replaceAll('"', '""')}"`;
    return [from + index, quoted, ...values.subarray(index * units, (index + 1) * units)].join(',');
  });
  return `${[header, ...lines].join('\r\n')}\r\n`;
}

/** NPY version 1.0 (numpy, lib/format): magic, version, length of the header, header padded to 64 bytes, data. float32 [timesteps, units]. */
function npy({ units, values }: WindowValues): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${values.length / units}, ${units}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + values.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0]);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, length - 10, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(length - 11)}\n`), 10);
  values.forEach((v, index) => {
    view.setFloat32(length + index * 4, v, true);
  });
  return bytes;
}
