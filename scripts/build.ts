import { spawnSync } from 'node:child_process';
import { root } from './root.ts';

/** Bundles everything into dist/; ends this process where that fails. */
export function build(): void {
  const { status } = spawnSync(process.execPath, ['esbuild.config.mjs'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
