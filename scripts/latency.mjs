// npm run latency: how long the workbench takes from a key to what it changes; see test/e2e/latency.ts.

import { installDependencies, runScript } from './setup.mjs';

installDependencies();
runScript('latency.ts');
