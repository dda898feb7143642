// Conversations with runs, a panel each. What was said is kept by the host in the workspace's own memory on this machine, so that it outlives the panel and
// the window; it is written nowhere else.

import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { SourceOfRun } from '../engine/requests.ts';
import { type Converses, conversesOf } from '../training/conversation.ts';
import { type RunRecord, readRecord } from '../training/run.ts';
import {
  begun,
  type Conversation,
  cleared,
  type Fields,
  fieldsOf,
  lookedAt,
  type Reply,
  type ReplySettings,
  replied,
  restored,
  settingsOf,
  transcript,
  usualOf,
} from './conversation.ts';
import { chatDocument } from './pages/chat-document.ts';
import { chatFrame, emptyChat, type Partner, settingsText, turnHtml } from './pages/chat-page.ts';
import { trustedFor } from './trust.ts';

const KIND = 'unroll.chat';
/** Milliseconds between two looks at a reply that is being written. */
const PACE = 50;

const keyOf = (run: string): string => `unroll.conversation ${run}`;

export class Chats implements vscode.WebviewPanelSerializer<{ readonly run?: string }>, vscode.Disposable {
  readonly #engine: () => Engine;
  readonly #memory: vscode.Memento;
  readonly #open = new Map<string, Chat>();
  readonly #serializer: vscode.Disposable;

  constructor(engine: () => Engine, memory: vscode.Memento) {
    this.#engine = engine;
    this.#memory = memory;
    this.#serializer = vscode.window.registerWebviewPanelSerializer(KIND, this);
  }

  /** Opens the conversation with a run. Throws where its model reads no text before it writes. */
  async open(run: string): Promise<void> {
    const known = this.#open.get(run);
    if (known !== undefined) {
      known.reveal();
      return;
    }
    const record = await readRecord(run);
    const source = await this.#engine().request('sourceOf', { run, examples: false });
    if (source.name === undefined || source.isClass)
      throw new Error(`${record.model} reads no text before it writes, so there is nothing to say to it. Generate Text lets it write.`);
    const kind = kindOf(record);
    const title = `${kind === 'chat' ? 'Chat' : 'Translate'}: ${basename(run)}`;
    const panel = vscode.window.createWebviewPanel(KIND, title, vscode.ViewColumn.Beside, { enableScripts: true, enableFindWidget: true });
    this.#attach(panel, run, record, source);
  }

  /** A window that was loaded anew has its panels again. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: { readonly run?: string } | undefined): Promise<void> {
    const { run } = state ?? {};
    const record = run === undefined ? undefined : await readRecord(run).catch(() => undefined);
    if (run === undefined || record === undefined || this.#open.has(run)) {
      panel.dispose();
      return;
    }
    panel.webview.options = { enableScripts: true };
    this.#attach(panel, run, record, undefined);
  }

  /** A run's folder is another now: what was said goes along. */
  async renamed(from: string, to: string): Promise<void> {
    this.#open.get(from)?.dispose();
    const kept = this.#memory.get(keyOf(from));
    if (kept === undefined) return;
    await this.#memory.update(keyOf(to), kept);
    await this.#memory.update(keyOf(from), undefined);
  }

  dispose(): void {
    this.#serializer.dispose();
    for (const chat of this.#open.values()) chat.dispose();
  }

  #attach(panel: vscode.WebviewPanel, run: string, record: RunRecord, source: SourceOfRun | undefined): void {
    const chat = new Chat({ panel, run, record, source, engine: this.#engine, memory: this.#memory });
    this.#open.set(run, chat);
    panel.onDidDispose(() => {
      if (this.#open.get(run) === chat) this.#open.delete(run);
    });
  }
}

/** What is no dialogue is a text for a text. */
const kindOf = ({ data }: RunRecord): Converses => conversesOf(data) ?? 'translation';

interface ChatParts {
  readonly panel: vscode.WebviewPanel;
  readonly run: string;
  readonly record: RunRecord;
  /** Asked for where it is not known yet. */
  readonly source: SourceOfRun | undefined;
  readonly engine: () => Engine;
  readonly memory: vscode.Memento;
}

/** What the page is told; see chat-document.ts. */
interface Change {
  readonly run?: string;
  readonly turns?: readonly { readonly id: number; readonly html: string }[];
  readonly turn?: { readonly id: number; readonly html: string };
  readonly empty?: string;
  readonly busy?: boolean;
  readonly fields?: Fields;
  readonly summary?: string;
  readonly fault?: string;
  readonly announce?: string;
  readonly toEnd?: boolean;
}

class Chat implements vscode.Disposable {
  readonly #parts: ChatParts;
  readonly #partner: Partner;
  #conversation: Conversation;
  #source: Promise<SourceOfRun> | undefined;
  #examples: readonly string[] | undefined;
  #reply: { readonly id: number; readonly abort: AbortController } | undefined;
  #due: NodeJS.Timeout | undefined;
  #isGone = false;

  constructor(parts: ChatParts) {
    const { panel, run, record, source, memory } = parts;
    this.#parts = parts;
    this.#partner = { kind: kindOf(record), run: basename(run), model: record.model };
    this.#conversation = restored(memory.get<Conversation>(keyOf(run)));
    this.#source = source === undefined ? undefined : Promise.resolve(source);
    panel.onDidDispose(() => this.#end());
    panel.webview.onDidReceiveMessage((message: Readonly<Record<string, string>>) => {
      this.#hear(message).catch((error: unknown) => void vscode.window.showErrorMessage(textOf(error)));
    });
    panel.webview.html = chatDocument(chatFrame(this.#partner));
  }

  reveal(): void {
    this.#parts.panel.reveal();
  }

  dispose(): void {
    this.#parts.panel.dispose();
  }

  #end(): void {
    this.#isGone = true;
    clearTimeout(this.#due);
    this.#reply?.abort.abort();
  }

  async #hear({ action, ...data }: Readonly<Record<string, string>>): Promise<void> {
    const { run } = this.#parts;
    switch (action) {
      case 'ready':
        return this.#showAll();
      case 'say':
        return this.#say(data.text ?? '');
      case 'stop':
        this.#reply?.abort.abort();
        return;
      case 'settings':
        return this.#set(settingsOf(data));
      case 'reset':
        return this.#set(undefined);
      case 'clear':
        this.#reply?.abort.abort();
        await this.#keep(cleared(this.#conversation));
        this.#post({ ...this.#turns(), announce: 'Cleared.' });
        return this.#offer();
      case 'copy':
        await vscode.env.clipboard.writeText(this.#transcript());
        this.#post({ announce: 'Copied.' });
        vscode.window.setStatusBarMessage('The conversation is copied.', 3000);
        return;
      case 'save':
        return this.#save();
      case 'debug':
        return this.#debug(Number(data.turn));
      default:
        throw new Error(`The conversation with ${basename(run)} knows no action ${action}.`);
    }
  }

  async #showAll(): Promise<void> {
    const { run } = this.#parts;
    this.#post({ run, ...this.#turns(), busy: this.#reply !== undefined, toEnd: true });
    await this.#showSettings(true);
    await this.#offer();
  }

  async #settings(): Promise<{ readonly own: ReplySettings; readonly usual: ReplySettings }> {
    const { engine, run } = this.#parts;
    this.#source ??= engine().request('sourceOf', { run, examples: false });
    this.#source.catch(() => {
      this.#source = undefined;
    });
    const usual = usualOf(await this.#source);
    return { own: this.#conversation.own ?? usual, usual };
  }

  async #showSettings(andFields: boolean): Promise<void> {
    const { own, usual } = await this.#settings();
    this.#post({ ...(andFields ? { fields: fieldsOf(own) } : {}), summary: settingsText(own, usual), fault: '' });
  }

  async #set(settings: ReturnType<typeof settingsOf> | undefined): Promise<void> {
    if (settings !== undefined && 'fault' in settings) {
      this.#post({ fault: settings.fault });
      return;
    }
    const { own: _, ...rest } = this.#conversation;
    await this.#keep(settings === undefined ? rest : { ...rest, own: settings });
    // What is being typed in the fields stays.
    await this.#showSettings(settings === undefined);
  }

  /** Held-out examples, where nothing has been said. Data that cannot be read has none. */
  async #offer(): Promise<void> {
    const { engine, run } = this.#parts;
    if (this.#conversation.turns.length > 0) return;
    this.#examples ??= await engine()
      .request('sourceOf', { run })
      .then(
        ({ examples }) => examples.slice(0, 4),
        () => [],
      );
    if (this.#conversation.turns.length === 0) this.#post(this.#turns());
  }

  async #say(said: string): Promise<void> {
    if (said.trim() === '' || this.#reply !== undefined) return;
    const { engine, run, record } = this.#parts;
    const abort = new AbortController();
    this.#reply = { id: this.#conversation.count, abort };
    const { id } = this.#reply;
    try {
      if (!(await trustedFor('Talking to models'))) {
        this.#reply = undefined;
        this.#post({ busy: false });
        return;
      }
      const { own } = await this.#settings();
      await this.#keep(begun(this.#conversation, said, own));
      this.#post({ ...this.#turns(), busy: true, announce: 'Writing.', toEnd: true });
      const request = { run, sources: [{ kind: 'text', text: said }], ...own, seed: record.settings.seed + id } as const;
      const { rows } = await engine().request(
        'generate',
        { ...request, stream: true, attention: true },
        (event) => {
          if (event.name === 'written' && !abort.signal.aborted) this.#grow(id, event.data);
        },
        abort.signal,
      );
      const row = rows[0]!;
      const { text, ids, ended, unknown } = row;
      await this.#settle(id, { text, ids, ended, unknown, looked: lookedAt(row), state: 'done' });
    } catch (error) {
      await this.#settle(id, abort.signal.aborted ? { state: 'stopped' } : { state: 'failed', failure: textOf(error) });
    }
  }

  /** Shows what has been written so far, at a pace that eyes follow. */
  #grow(id: number, { text, ids }: Pick<Reply, 'text' | 'ids'>): void {
    this.#conversation = replied(this.#conversation, id, { text, ids });
    this.#due ??= setTimeout(() => {
      this.#due = undefined;
      this.#showTurn(id);
    }, PACE);
  }

  async #settle(id: number, change: Partial<Reply>): Promise<void> {
    clearTimeout(this.#due);
    this.#due = undefined;
    this.#reply = undefined;
    await this.#keep(replied(this.#conversation, id, change));
    this.#showTurn(id);
    const turn = this.#conversation.turns.find((each) => each.id === id);
    const reply = turn?.reply;
    const announce =
      reply === undefined ? '' : [reply.text, reply.failure ?? '', reply.state === 'stopped' ? 'Stopped.' : ''].join(' ').trim();
    this.#post({ busy: false, announce });
  }

  #showTurn(id: number): void {
    const turn = this.#conversation.turns.find((each) => each.id === id);
    if (turn !== undefined) this.#post({ turn: { id, html: turnHtml(turn, this.#partner) } });
  }

  #turns(): Change {
    const { turns } = this.#conversation;
    return {
      turns: turns.map((turn) => ({ id: turn.id, html: turnHtml(turn, this.#partner) })),
      empty: turns.length === 0 ? emptyChat(this.#partner, this.#examples ?? []) : '',
    };
  }

  #transcript(): string {
    const { kind, run } = this.#partner;
    return transcript(this.#conversation, kind, run);
  }

  async #save(): Promise<void> {
    const { run } = this.#parts;
    const target = await vscode.window.showSaveDialog({
      title: `Save the conversation with ${basename(run)}`,
      defaultUri: vscode.Uri.file(join(run, '..', '..', `${basename(run)}-${this.#partner.kind}.txt`)),
      filters: { Text: ['txt'] },
    });
    if (target !== undefined) await vscode.workspace.fs.writeFile(target, Buffer.from(this.#transcript()));
  }

  async #debug(id: number): Promise<void> {
    const turn = this.#conversation.turns.find((each) => each.id === id);
    if (turn === undefined || !(await trustedFor('Debugging'))) return;
    const { run, record } = this.#parts;
    const { ids, ended } = turn.reply;
    await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(vscode.Uri.file(record.file)), {
      name: `Reply of ${basename(run)}`,
      type: 'unroll',
      request: 'launch',
      program: record.file,
      run,
      internalConsoleOptions: 'neverOpen',
      trace: { source: { kind: 'run', folder: run }, sequence: { kind: 'text', text: turn.said, writes: { ids, ended } } },
    });
  }

  async #keep(conversation: Conversation): Promise<void> {
    this.#conversation = conversation;
    const isNothing = conversation.turns.length === 0 && conversation.own === undefined;
    await this.#parts.memory.update(keyOf(this.#parts.run), isNothing ? undefined : conversation);
  }

  #post(change: Change): void {
    if (!this.#isGone) void this.#parts.panel.webview.postMessage(change);
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
