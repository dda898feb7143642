// examples.py: reads or draws the examples that an exported module is trained on.

import { pictures } from './examples/pictures.ts';
import { reading } from './examples/reading.ts';
import { rows } from './examples/rows.ts';
import { sentences } from './examples/sentences.ts';
import { tasks } from './examples/tasks.ts';
import { tokens } from './examples/tokens.ts';

export const examplesScript = [tokens, rows, sentences, pictures, tasks, reading].join('');
