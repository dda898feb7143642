// A GPU for machines that have none: SwiftShader, the software Vulkan driver that Debian packages with chromium.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

/** The environment in which a child process finds a WebGPU adapter; systems other than Linux have one of their own. Throws, with what to
 *  install, where there is none. */
export function swiftShaderEnvironment(): Record<string, string> {
  if (process.platform !== 'linux') return {};
  const driver = packaged() ?? '/usr/lib/chromium/vk_swiftshader_icd.json';
  if (!existsSync(driver))
    throw new Error(
      "SwiftShader was not found, so the WebGPU path cannot be tested here. It comes with chromium: 'apt-get install chromium'.",
    );
  return { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: [dirname(driver), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':') };
}

function packaged(): string | undefined {
  const { stdout } = spawnSync('dpkg', ['-L', 'chromium-common'], { encoding: 'utf8' });
  return stdout?.split('\n').find((line) => line.endsWith('vk_swiftshader_icd.json'));
}
