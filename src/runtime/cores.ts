import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

let counted: number | undefined;

/** Physical cores that this process may use: matrix products gain nothing from a second thread on a core. */
export function physicalCores(): number {
  counted ??= Math.max(1, Math.min(availableParallelism(), coresOfMachine()));
  return counted;
}

function coresOfMachine(): number {
  // Elsewhere than on Linux: Apple's and Windows' ARM processors run one thread a core, Intel's and AMD's two.
  if (process.platform !== 'linux') return process.arch === 'arm64' ? availableParallelism() : Math.ceil(availableParallelism() / 2);
  try {
    return distinctCores(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return availableParallelism();
  }
}

/** The number of different pairs of socket and core in Linux' description of its processors; all processors where it names none. */
export function distinctCores(description: string): number {
  const processors = description.split(/\n\s*\n/).filter((block) => /^processor\s*:/m.test(block));
  const field = (block: string, name: string): string => new RegExp(`^${name}\\s*:\\s*(\\d+)`, 'm').exec(block)?.[1] ?? '';
  const cores = new Set(
    processors.map((block) => `${field(block, 'physical id')}/${field(block, 'core id') || `processor ${field(block, 'processor')}`}`),
  );
  return cores.size > 0 ? cores.size : availableParallelism();
}
