// Entry of the side panel's webview.

import { portToHost } from './channel.ts';
import { startGates } from './gates-app.ts';

void startGates(document.querySelector<HTMLElement>('#app')!, portToHost());
