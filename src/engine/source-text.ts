// What a model reads before it writes, in a few words.

import { basename } from 'node:path';
import type { SourceChoice } from './requests.ts';

export const sourceText = (source: SourceChoice): string =>
  source.kind === 'text'
    ? source.text
    : source.kind === 'file'
      ? basename(source.path)
      : `${source.part ?? 'held-out'} example ${source.index.toLocaleString('en-US')}`;
