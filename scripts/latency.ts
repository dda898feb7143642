import { build } from './build.ts';

build();
await import('../test/e2e/latency.ts');
