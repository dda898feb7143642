// Names of files in quotes lead to the files.

import { pathToFileURL } from 'node:url';
import { AstUtils, GrammarUtils } from 'langium';
import type { DocumentLink } from 'vscode-languageserver-types';
import { besides } from '../places.ts';
import type { Program } from '../program.ts';

/** The files that a source uses and reads. */
export function documentLinks({ main, path }: Program): DocumentLink[] {
  return main.tree.items.flatMap((item) => {
    if (item.$type === 'Use') {
      const range = GrammarUtils.findNodeForProperty(item.$cstNode, 'path')?.range;
      return range === undefined || item.path === undefined ? [] : [{ range, target: pathToFileURL(besides(path, item.path)).href }];
    }
    if (item.$type !== 'Data' || item.source?.$type !== 'Call') return [];
    return item.source.arguments.flatMap((file, k) => {
      const isFile = file.name === undefined ? k === 0 : file.name === 'captions' || file.name === 'alignments';
      if (!isFile || file.value.$type !== 'StringLiteral') return [];
      const found = [...AstUtils.streamAst(file)].find((node) => node.$type === 'StringLiteral')?.$cstNode?.range;
      return found === undefined ? [] : [{ range: found, target: pathToFileURL(besides(path, file.value.value)).href }];
    });
  });
}
