// What of the language has no place in an exported module, said with its line.

import type { Expression } from '../language/generated/ast.ts';

export class PytorchError extends Error {
  override name = 'PytorchError';
}

/** `what` is a sentence's beginning: "a table that changes from step to step". */
export function notExported(what: string, source: Expression): PytorchError {
  const line = (source.$cstNode?.range.start.line ?? 0) + 1;
  return new PytorchError(
    `Line ${line}: ${what} cannot be exported to PyTorch yet. Export as ONNX instead, or write the line in another way.`,
  );
}
