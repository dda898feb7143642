import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { eventually, smallModel } from './workspace.ts';

interface Frame {
  readonly id: number;
  readonly name: string;
  readonly line: number;
  readonly source: { readonly path: string };
}

describe('training and debugging in the extension host', () => {
  const { folder, source } = smallModel();
  const run = join(folder, 'runs', 'Small-1');

  it('trains in a process of its own', async () => {
    await vscode.commands.executeCommand('unroll.train', source, 0);
    const record = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')) as { step: number; status: { kind: string } };
    assert.equal(record.status.kind, 'done');
    assert.equal(record.step, 20);
    assert.ok(existsSync(join(run, 'log.jsonl')));
    assert.deepEqual(runtimeLibraries(), []);
  });

  it('steps through timesteps and equations', async () => {
    await vscode.debug.startDebugging(undefined, {
      name: 'test',
      type: 'unroll',
      request: 'launch',
      program: source.fsPath,
      run: 'latest',
      text: 'abcde',
    });
    const session = await eventually('a session', () => vscode.debug.activeDebugSession);
    const top = async (): Promise<Frame | undefined> => {
      const { stackFrames } = (await session.customRequest('stackTrace', { threadId: 1 })) as { stackFrames: Frame[] };
      return stackFrames[0];
    };
    const standing = async (name: RegExp): Promise<Frame> => {
      let last: string | undefined;
      try {
        return await eventually(String(name), async () => {
          const frame = await top().catch(() => undefined);
          last = frame?.name;
          return frame !== undefined && name.test(frame.name) ? frame : undefined;
        });
      } catch (error) {
        throw new Error(`It stands at ${last}.`, { cause: error });
      }
    };

    const step = (request: string): Thenable<unknown> => session.customRequest(request, { threadId: 1 });
    const entry = await standing(/t = 0 of 5, 'a'/);
    assert.equal(basename(entry.source.path), 'small.rnn');
    await step('next');
    await standing(/t = 1 of 5, 'b'/);
    await step('stepIn');
    const inside = await standing(/^lstm\.f .*t = 1 of 5/);
    assert.equal(basename(inside.source.path), 'recurrent.rnn');
    const { result } = (await session.customRequest('evaluate', { expression: 'mean(f)', frameId: inside.id, context: 'watch' })) as {
      result: string;
    };
    assert.ok(Number(result) > 0.5 && Number(result) < 1, result);
    await step('next');
    assert.equal((await standing(/^lstm\.i .*t = 1 of 5/)).line, inside.line + 1);
    await step('stepOut');
    await standing(/^Small\.h .*t = 2 of 5/);
    await step('reverseContinue');
    await standing(/t = 0 of 5/);
    await vscode.commands.executeCommand('workbench.action.debug.stop');
    await eventually('the end', () => vscode.debug.activeDebugSession === undefined || undefined);
    assert.deepEqual(runtimeLibraries(), []);
  });
});

/** Shared libraries of onnxruntime in this process: there shall be none. */
function runtimeLibraries(): string[] {
  const report = process.report.getReport() as unknown as { sharedObjects: string[] };
  return report.sharedObjects.filter((path) => path.includes('onnxruntime'));
}
