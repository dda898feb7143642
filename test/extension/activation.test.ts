import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';

describe('activation', () => {
  it('loads nothing of the inference runtime, and tells how long it takes', async () => {
    const extension = vscode.extensions.getExtension('unroll.unroll')!;
    assert.equal(extension.isActive, false, 'something activated the extension before it was needed');
    // VS Code starts its own extensions first.
    await sleep(3000);
    const [start, busy] = [performance.now(), process.cpuUsage()];
    await extension.activate();
    const milliseconds = performance.now() - start;
    const { user, system } = process.cpuUsage(busy);
    const computed = (user + system) / 1000;
    console.log(`      activation: ${milliseconds.toFixed(1)} ms, of them ${computed.toFixed(1)} ms computing`);
    assert.deepEqual(runtimeLibraries(), []);
  });

  it('registers every command of the palette', async () => {
    const contributed = vscode.extensions.getExtension('unroll.unroll')!.packageJSON.contributes.commands as { command: string }[];
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.deepEqual(
      contributed.map(({ command }) => command).filter((command) => !registered.has(command)),
      [],
    );
  });
});

/** Shared libraries of onnxruntime in this process. */
function runtimeLibraries(): string[] {
  const report = process.report.getReport() as unknown as { sharedObjects: string[] };
  return report.sharedObjects.filter((path) => path.includes('onnxruntime'));
}
