// The templates of `Unroll: New Model`: what templates/templates.json says of them, and their files.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of templates/, with what is filled in. */
export interface Source {
  /** Relative to templates/. */
  readonly file: string;
  /** The name of its model, which becomes the one that is asked for. */
  readonly model: string;
  /** The text that is selected in the new file: the first thing to change. */
  readonly first: string;
}

/** What is asked of a person's own data: a text; a text and its class; columns over time; two columns of equally many words; sentences and their
 *  translations; conversations. */
export type DataKind = 'text' | 'classes' | 'series' | 'tags' | 'pairs' | 'dialogue';

export interface SampleData {
  readonly kind: DataKind;
  /** The file of examples/ that the template reads. */
  readonly sample: string;
  /** Of files that can take its place. */
  readonly extensions: readonly string[];
}

interface Head {
  readonly id: string;
  readonly title: string;
  readonly description: string;
}

export interface TaskTemplate extends Head, Source {}

export type Template = Head & { readonly detail: string; readonly icon: string } & (
    | (Source & { readonly data: SampleData; readonly tasks?: undefined })
    | { readonly tasks: readonly TaskTemplate[] }
  );

/** The templates in the order in which they are offered. `root`: the folder of the extension. */
export async function readTemplates(root: string): Promise<readonly Template[]> {
  return JSON.parse(await readFile(join(root, 'templates', 'templates.json'), 'utf8')) as Template[];
}

export const readSource = (root: string, { file }: Source): Promise<string> => readFile(join(root, 'templates', file), 'utf8');
