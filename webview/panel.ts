// Entry of the panel's webview.

import { startPanel } from './app.ts';
import { portToHost } from './channel.ts';

void startPanel(document.querySelector<HTMLElement>('#app')!, portToHost());
