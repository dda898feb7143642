// npm start: installs what is missing, builds, and opens VS Code on examples/ with the extension.

import { installDependencies, runScript } from './setup.mjs';

installDependencies();
runScript('open.ts');
