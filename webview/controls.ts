// Controls in the editor's look. The one file that knows @vscode/webview-ui-toolkit, whose upstream is archived.

import { provideVSCodeDesignSystem, vsCodeButton } from '@vscode/webview-ui-toolkit';

provideVSCodeDesignSystem().register(vsCodeButton());

export interface ButtonOptions {
  readonly label: string;
  readonly primary?: boolean;
  /** Shown as a key beside the label. */
  readonly key?: string;
  /** Why it cannot be pressed. */
  readonly disabled?: string;
  readonly press: () => void;
}

export function button({ label, primary = false, key, disabled, press }: ButtonOptions): HTMLElement {
  const made = document.createElement('vscode-button');
  made.setAttribute('appearance', primary ? 'primary' : 'secondary');
  made.append(label);
  if (key !== undefined) {
    const cap = document.createElement('kbd');
    cap.textContent = key;
    made.append(cap);
  }
  if (disabled !== undefined) {
    made.setAttribute('disabled', '');
    made.title = disabled;
  }
  made.addEventListener('click', () => {
    if (disabled === undefined) press();
  });
  return made;
}

export interface ChoiceOptions<Value extends string> {
  readonly label: string;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly chosen: Value;
  readonly choose: (value: Value) => void;
}

/** A list of which one is chosen; its name stands in it. */
export class Choice<Value extends string> {
  readonly element = document.createElement('label');
  private readonly name = document.createElement('span');
  private readonly list = document.createElement('select');
  private drawn = '';
  private choose: (value: Value) => void = () => {};

  constructor() {
    this.element.className = 'choice';
    this.element.append(this.name, this.list);
    this.list.addEventListener('change', () => this.choose(this.list.value as Value));
  }

  update({ label, options, chosen, choose }: ChoiceOptions<Value>): void {
    this.choose = choose;
    const drawn = JSON.stringify([label, options]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.name.textContent = label;
      this.list.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    }
    if (this.list.value !== chosen) this.list.value = chosen;
    this.list.title = this.list.selectedOptions[0]?.text ?? '';
  }
}

/** A small pressable sign with a spoken name. */
export function iconButton(path: string, name: string, press: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.className = 'icon';
  made.title = name;
  made.setAttribute('aria-label', name);
  made.innerHTML = `<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><path d="${path}" fill="none" stroke="currentColor" stroke-width="1.2"/></svg>`;
  made.addEventListener('click', press);
  return made;
}

/** An element with a class, and what stands in it. */
export function element(tag: string, className: string, ...content: (string | Node)[]): HTMLElement {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...content);
  return made;
}
