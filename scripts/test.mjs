// npm test: installs what is missing, and runs every check.

import { installDependencies, runScript } from './setup.mjs';

installDependencies();
runScript('check.ts');
