// The preview in a browser: classes are found and ordered, examples turned over, from the keyboard too.

import assert from 'node:assert/strict';
import { type Browser, chromium, type Page } from 'playwright-core';
import { getBrowser } from '../../scripts/vscode/browser.ts';
import { documentOf } from '../../src/views/pages/document.ts';
import { previewPage } from '../../src/views/pages/preview-page.ts';
import { preview } from './pages.ts';

describe('the preview in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  let page: Page;
  before(async () => {
    browser = await chromium.launch({ executablePath: getBrowser(), args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage();
    const [letters] = preview.vocabularies;
    const classes = [...'hgfedcba', ' '].map((token, k) => ({ token, count: 900 - 100 * k }));
    const examples = Array.from({ length: 12 }, (_, index) => ({
      part: 'training' as const,
      index,
      cells: { name: [...`n${index}`], age: ['1'], language: ['x'] },
    }));
    await page.setContent(documentOf(previewPage({ ...preview, vocabularies: [{ ...letters!, size: 9, classes }], examples })));
  });
  after(() => browser.close());

  const shown = (table: string): Promise<string[]> =>
    page
      .locator(`${table} tbody tr`)
      .evaluateAll((rows) =>
        rows.filter((row) => (row as HTMLElement).offsetParent !== null).map((row) => row.querySelector('td')!.textContent ?? ''),
      );

  it('orders classes by count and by name', async () => {
    assert.equal((await shown('table.classes')).join(''), 'hgfedcba␣');
    await page.locator('[data-order]').selectOption('token');
    assert.equal((await shown('table.classes')).join(''), '␣abcdefgh');
  });

  it('finds classes, also what cannot be seen, and says where there is none', async () => {
    await page.locator('[data-find]').focus();
    await page.keyboard.type('C');
    assert.deepEqual(await shown('table.classes'), ['c']);
    await page.locator('[data-find]').fill('␣');
    assert.deepEqual(await shown('table.classes'), ['␣']);
    await page.locator('[data-find]').fill('zz');
    assert.deepEqual(await shown('table.classes'), []);
    assert.ok(await page.locator('text=None is called so.').isVisible());
    await page.locator('[data-find]').fill('');
    assert.ok(!(await page.locator('text=None is called so.').isVisible()));
  });

  it('turns examples over five at a time', async () => {
    const [back, on] = [page.getByRole('button', { name: 'Examples before' }), page.getByRole('button', { name: 'Next examples' })];
    assert.equal((await shown('table.examples')).join(), '0,1,2,3,4');
    assert.ok(await back.isDisabled());
    await on.focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    assert.equal((await shown('table.examples')).join(), '10,11');
    assert.ok(await page.locator('text=11 to 12 of 12').isVisible());
    assert.ok(await on.isDisabled());
    await back.click();
    assert.equal((await shown('table.examples')).join(), '5,6,7,8,9');
  });
});
