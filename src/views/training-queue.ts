// Trainings wait for each other: two at once would share the cores, and take longer than one after the other.

import * as vscode from 'vscode';
import type { TrainRequest } from '../engine/requests.ts';

export interface Waiting {
  readonly id: number;
  /** `names.rnn, unit: gru`. */
  readonly title: string;
  readonly request: TrainRequest;
}

export class TrainingQueue implements vscode.Disposable {
  readonly #start: (request: TrainRequest) => Promise<unknown>;
  readonly #memory: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #ended = new Map<number, () => void>();
  #waiting: Waiting[] = [];
  #running = 0;
  #lastId = 0;

  /** `start` trains, and settles when that has ended. What waits is kept in `memory` over a reload of the window. */
  constructor(start: (request: TrainRequest) => Promise<unknown>, memory: vscode.Memento) {
    this.#start = start;
    this.#memory = memory;
  }

  get waiting(): readonly Waiting[] {
    return this.#waiting;
  }

  /** Puts trainings behind those that wait; the first begins at once where none runs. Settles when all have ended or were removed. */
  async add(...requests: readonly { readonly title: string; readonly request: TrainRequest }[]): Promise<void> {
    const ended = requests.map(({ title, request }) => {
      this.#lastId += 1;
      const id = this.#lastId;
      this.#waiting.push({ id, title, request });
      return new Promise<void>((resolve) => this.#ended.set(id, resolve));
    });
    this.#told();
    this.#next();
    await Promise.all(ended);
  }

  remove(id: number): void {
    this.#waiting = this.#waiting.filter((each) => each.id !== id);
    this.#told();
    this.#end(id);
  }

  /** To the front. */
  first(id: number): void {
    const found = this.#waiting.find((each) => each.id === id);
    if (found !== undefined) this.#waiting = [found, ...this.#waiting.filter((each) => each !== found)];
    this.#told();
  }

  /** Asks whether to go on with what waited when the window was closed. */
  async restore(): Promise<void> {
    const kept = this.#memory.get<readonly Waiting[]>(KEY, []);
    if (kept.length === 0) return;
    await this.#memory.update(KEY, undefined);
    const go = 'Train Them';
    const text = kept.length === 1 ? `${kept[0]!.title} was waiting to be trained.` : `${kept.length} trainings were waiting.`;
    if ((await vscode.window.showInformationMessage(text, go, 'Forget')) === go) await this.add(...kept);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  #next(): void {
    const most = vscode.workspace.getConfiguration('unroll').get('queue.parallel', 1);
    while (this.#running < most && this.#waiting.length > 0) {
      const { id, request } = this.#waiting.shift()!;
      this.#running += 1;
      this.#told();
      void this.#start(request).finally(() => {
        this.#running -= 1;
        this.#end(id);
        this.#next();
      });
    }
  }

  #end(id: number): void {
    this.#ended.get(id)?.();
    this.#ended.delete(id);
  }

  #told(): void {
    void this.#memory.update(KEY, this.#waiting.length === 0 ? undefined : this.#waiting);
    this.#changed.fire();
  }
}

const KEY = 'unroll.queue';
