import { Workbench } from './workbench.ts';

describe('a folder that is not trusted', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({ trust: true, settings: { 'security.workspace.trust.startupPrompt': 'never' } });
    await workbench.openFile('text.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('can be looked at', async () => {
    await workbench.lens('Train').waitFor();
    await workbench.page.locator('.part.statusbar', { hasText: 'Restricted Mode' }).waitFor();
  });

  it('neither trains nor debugs, and says why', async () => {
    await workbench.lens('Train').click();
    await workbench.told(/Training is off, because this folder is in restricted mode/).waitFor();
    await workbench.screenshot('untrusted');
    await workbench.command('Notifications: Clear All Notifications');
    await workbench.lens('Debug').click();
    await workbench.told(/Debugging is off, because this folder is in restricted mode/).waitFor();
  });
});
