// The table of runs: it sorts, searches, selects, and stays usable however many runs there are and whatever happens.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crowd } from './crowd.js';
import { ended, endless, faults, get, live, openPage, post, setUp, shoot, shows, startJob, until, visit } from './page.js';

let model;
const world = setUp(async ({ daemon }) => {
  const id = await startJob(null, daemon, { name: 'the model', epochs: 1 });
  await ended(daemon, id);
  model = await get(daemon, `/v1/jobs/${id}`);
});

async function openCrowd(t, count, path = '/') {
  const crowd = await Crowd.start(world.daemon, model, count);
  const opened = await openPage(world.browser, `${crowd.url}/#${path}`);
  t.after(async () => {
    await opened.context.close();
    crowd.close();
  });
  await opened.page.locator('tbody tr').first().waitFor();
  await live(opened.page);
  return { crowd, ...opened };
}
const names = (page) => page.locator('.runs .name a').evaluateAll((links) => links.map((a) => a.textContent));
const point = (n) => ({ step: n + 1, epoch: 0.5, loss: Math.random(), accuracy: 0.5, learning_rate: 0.1, seconds: n });

test('every click hits and selected text stays, while events flood and runs come and go', async (t) => {
  const { crowd, page, complaints } = await openCrowd(t, 400);
  const end = crowd.flood((n) => {
    // To the newest, which are those in sight, however many there are by now.
    crowd.send('point', crowd.count - (n % 50), point(n));
    if (n % 7 === 0) crowd.send('status', crowd.count - 1 - (n % 20), { status: n % 2 ? 'running' : 'succeeded', previous: 'running', stop_reason: null, error: null });
    if (n % 50 === 0) crowd.send('created', ++crowd.count, { status: 'queued' });
  }, 5);
  t.after(end);
  for (let clicks = 0, i = 0; clicks < 12; i++) {
    assert.ok(i < 60, `only ${clicks} of ${i} presses were on a run`);
    const box = await page.locator('.runs .name a').nth(3 + (i % 8)).boundingBox();
    if (!box) continue;  // the row went while it was looked at
    const [x, y] = [box.x + 5, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    // From here on nothing moves; before, the row that was aimed at may have gone.
    const aimed = await page.evaluate((at) => document.elementFromPoint(...at)?.closest('.runs .name a')?.hash, [x, y]);
    await page.waitForTimeout(120);
    await page.mouse.up();
    if (!aimed) continue;
    clicks++;
    await page.locator('.family').first().waitFor({ state: 'attached' });
    assert.equal(new URL(page.url()).hash, aimed);
    await page.goBack();
    await page.locator('.runs tbody tr').first().waitFor();
  }
  await page.locator('.runs .name a').nth(5).evaluate((a) => document.getSelection().selectAllChildren(a.closest('tr')));
  const text = () => page.evaluate(() => document.getSelection().toString());
  const selected = await text();
  assert.ok(selected.length > 10);
  const rows = await page.locator('.runs tbody tr').first().getAttribute('data-id');
  await until(() => crowd.count > Number(rows.slice(4)) + 2, 'more runs to come');
  assert.equal(await text(), selected);
  await page.evaluate(() => document.getSelection().removeAllRanges());
  await until(async () => (await page.locator('.runs tbody tr').first().getAttribute('data-id')) !== rows, 'the new runs');
  assert.deepEqual(faults(complaints), []);
});

test('rows are kept, not made anew, when events come', async (t) => {
  const { crowd, page } = await openCrowd(t, 30);
  await page.evaluate(() => document.querySelectorAll('.runs tbody tr').forEach((row) => { row.mine = true; }));
  crowd.names.set(20, 'renamed');
  crowd.send('updated', 20, { name: 'renamed', metadata: {} });
  crowd.send('created', ++crowd.count, { status: 'queued' });
  await page.getByRole('link', { name: 'renamed' }).waitFor();
  await page.getByRole('link', { name: 'run 31' }).waitFor();
  assert.equal(await page.evaluate(() => [...document.querySelectorAll('.runs tbody tr')].filter((row) => row.mine).length), 30);
});

test('2,000 runs do not block the page', async (t) => {
  const { crowd, page } = await openCrowd(t, 2000);
  await page.getByRole('searchbox').fill('run');
  await page.getByText(/of 2,000 runs/).waitFor();
  assert.ok((await page.locator('.runs tbody tr').count()) <= 50);
  // Time of the processor, not of the clock, which a busy machine stretches.
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable', { timeDomain: 'threadTicks' });
  const metric = async (name) => (await client.send('Performance.getMetrics')).metrics.find((m) => m.name === name).value;
  const busy = () => metric('TaskDuration');
  await page.evaluate(() => {
    globalThis.made = 0;
    new MutationObserver((records) => { globalThis.made += records.length; }).observe(document.querySelector('.runs tbody'), { childList: true });
  });
  const frames = () => page.evaluate(() => new Promise((resolve) => {
    let count = 0;
    const next = () => (++count === 30 ? resolve() : requestAnimationFrame(next));
    requestAnimationFrame(next);
  }));
  await page.getByRole('heading', { name: 'Runs' }).evaluate((h1) => document.getSelection().selectAllChildren(h1));
  const before = await busy(), layouts = await metric('LayoutCount');
  const end = crowd.flood((n) => crowd.send('point', 2000 - (n % 100), point(n)), 5);
  await frames();
  end();
  // Each frame is laid out once, and not after each of its texts.
  const laidOut = ((await metric('LayoutCount')) - layouts) / 30;
  t.diagnostic(`${laidOut.toFixed(1)} layouts a frame`);
  assert.ok(laidOut < 2, `${laidOut} layouts a frame`);
  const perFrame = (1000 * ((await busy()) - before)) / 30;
  t.diagnostic(`${perFrame.toFixed(1)} ms of processor a frame`);
  assert.ok(perFrame < 50, `${perFrame} ms a frame`);
  assert.equal(await page.evaluate(() => globalThis.made), 0, 'rows were made anew');
});

test('10,000 runs cost two requests at the start and none at a reconnect; older ones are read on demand', async (t) => {
  const { crowd, page } = await openCrowd(t, 10000);
  const lists = () => crowd.requests.filter((r) => r.startsWith('GET /v1/jobs?')).length;
  const atStart = lists();
  assert.ok(atStart <= 4, `${atStart} lists`);
  crowd.hangUp();
  await until(() => crowd.readers === 1, 'the page to come back');
  crowd.send('created', ++crowd.count, { status: 'queued' });
  await page.getByRole('link', { name: 'run 10001' }).waitFor();
  assert.equal(lists(), atStart);
  await page.getByText(/^1 to 50 of 10\d runs read so far$/).waitFor();
  for (let i = 0; i < 2; i++) await page.getByRole('button', { name: 'Older' }).click();
  await page.getByRole('link', { name: 'run 9900', exact: true }).waitFor();
  assert.equal(lists(), atStart + 1);
  await page.getByRole('searchbox').fill('run 4242');
  await page.getByRole('link', { name: 'run 4242' }).waitFor();
  await page.getByText('1 run', { exact: true }).waitFor();
  assert.ok(lists() < atStart + 30, `${lists()} lists`);
});

test('the table sorts, searches and shows chosen settings, and the address keeps it', async (t) => {
  const { page } = await openCrowd(t, 300);
  await page.getByRole('button', { name: 'Best accuracy' }).click();
  await page.getByText(/of 300 runs/).waitFor();
  await until(async () => (await names(page))[0] === 'run 290', 'the best first');
  await shows(() => page.locator('th', { hasText: 'Best accuracy' }).getAttribute('aria-sort'), 'descending');
  await page.getByRole('button', { name: 'Best accuracy' }).click();
  await until(async () => (await names(page))[0] === 'run 291', 'the worst first');
  await page.getByRole('searchbox').fill('odd run 29');
  await page.getByLabel('Show').selectOption('succeeded');
  await until(async () => (await names(page)).sort().join() === 'run 129,run 229,run 29,run 291,run 293,run 295,run 297,run 299', 'what is found');
  await page.locator('summary', { hasText: 'Columns' }).click();
  await page.getByLabel('optimizer.momentum').check();
  await page.getByLabel('parity').check();
  await page.locator('td[data-label=parity]', { hasText: 'odd' }).first().waitFor();
  await page.getByRole('columnheader', { name: 'optimizer.momentum' }).waitFor();
  await page.locator('summary', { hasText: 'Columns' }).click();
  await shoot(page, 'table');
  const found = await names(page);
  await page.reload();
  await page.locator('td[data-label=parity]').first().waitFor();
  await until(async () => (await names(page)).join() === found.join(), 'the same after a reload');
  await page.getByRole('searchbox').fill('no such run');
  await page.getByText('No run is like that.').waitFor();
});

test('a data set of one’s own stands by its name wherever a run tells of it, and is found by it', async (t) => {
  const own = { ...model, settings: { ...model.settings, dataset: 'set_7' }, dataset: { id: 'set_7', name: 'Blumen & Früchte', digest: null } };
  const crowd = await Crowd.start(world.daemon, own, 3);
  const { page, context, complaints } = await openPage(world.browser, crowd.url);
  t.after(async () => {
    await context.close();
    crowd.close();
  });
  await shows(() => page.locator('.runs td[data-label="Data set"]').allTextContents(), Array(3).fill('Blumen & Früchte'));
  await page.getByRole('searchbox').fill('blumen run 2');
  await until(async () => (await names(page)).join() === 'run 2', 'what is found');
  await page.getByRole('link', { name: 'run 2' }).click();
  await page.getByRole('region', { name: 'Settings', exact: true }).locator('tr', { hasText: 'Blumen & Früchte (set_7)' }).waitFor();
  assert.deepEqual(faults(complaints), []);
});

test('runs are selected to compare, stop or delete, by keyboard, and asked about first', async (t) => {
  const { daemon, browser } = world;
  const running = await startJob(t, daemon, endless({ name: 'bulk running' }));
  const queued = await startJob(t, daemon, { name: 'bulk queued' });
  const { page, context } = await openPage(browser, `${daemon.url}/#/?search=bulk`);
  for (const name of ['bulk running', 'bulk queued']) {
    await page.getByLabel(`Select ${name}`).focus();
    await page.keyboard.press('Space');
  }
  await page.getByText('2 selected').waitFor();
  await page.getByRole('button', { name: 'Delete …' }).and(page.locator('[aria-disabled=true]')).waitFor();
  await shows(() => page.getByRole('group', { name: 'Selected runs' }).getByRole('link', { name: 'Compare' }).getAttribute('href'), new RegExp(`runs=(${running},${queued}|${queued},${running})`));
  await page.getByRole('button', { name: 'Stop …' }).press('Enter');
  await page.getByRole('heading', { name: 'Stop 2 runs?' }).waitFor();
  await page.keyboard.press('Escape');
  assert.equal((await get(daemon, `/v1/jobs/${queued}`)).status, 'queued');
  await page.getByRole('button', { name: 'Stop …' }).press('Enter');
  await page.getByRole('button', { name: 'Stop', exact: true }).press('Enter');
  await ended(daemon, running);
  await page.getByRole('button', { name: 'Delete …' }).and(page.locator(':not([aria-disabled])')).waitFor();
  await until(async () => (await page.locator('.badge.stopped').count()) === 2, 'both to stop');
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('No run is like that.').waitFor();
  for (const id of [running, queued]) assert.equal((await fetch(`${daemon.url}/v1/jobs/${id}`)).status, 404);
  await context.close();
});

test('a question names each run on a line of its own, and a comparison says which are gone', async (t) => {
  const { daemon, browser } = world;
  const ids = [];
  for (const name of ['ask a', 'ask b', `ask ${'n'.repeat(124)}`]) ids.push(await startJob(t, daemon, { name, epochs: 1 }));
  for (const id of ids) await ended(daemon, id);
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/?search=ask`);
  const dialog = page.getByRole('dialog');
  const fits = () => dialog.evaluate((d) => d.scrollWidth <= d.clientWidth);
  await page.getByLabel('Select all that are found').check();
  await page.getByText('3 selected').waitFor();
  for (const width of [1280, 320]) {
    await page.setViewportSize({ width, height: 700 });
    await page.getByRole('button', { name: 'Delete …' }).click();
    const lines = await dialog.locator('li').evaluateAll((all) => all.map((li) => li.getBoundingClientRect()).map(({ top, bottom }) => [top, bottom]));
    assert.deepEqual([lines.length, lines.filter(([top], i) => i > 0 && top < lines[i - 1][1] - 1)], [3, []]);
    for (const id of ids) assert.ok(await dialog.getByText(id, { exact: true }).isVisible(), id);
    assert.ok(await fits(), `${width}`);
    await page.keyboard.press('Escape');
  }
  await visit(page, daemon, `/runs/${ids[2]}`, 'h1:text("ask")');
  await page.getByRole('button', { name: 'Delete …' }).click();
  assert.ok(await fits(), 'one run');
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.locator('main[data-path="/"]').waitFor();
  await page.goto(`${daemon.url}/#/compare?runs=${ids}`);
  await page.getByText(`There is no run ${ids[2]}: it may have been deleted.`).waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a name is text, wherever it stands, and a long one does not push the columns away', async (t) => {
  const { daemon, browser } = world;
  const evil = '<img src=x onerror="document.title=1"><b>bold</b>';
  const ids = [];
  for (const name of [evil, 'n'.repeat(128)]) ids.push(await startJob(t, daemon, { name, epochs: 1, metadata: { [`<i>${name.slice(0, 20)}`]: evil } }));
  for (const id of ids) await ended(daemon, id);
  await post(daemon, `/v1/jobs/${ids[0]}/clone`);
  const { page, complaints, context } = await openPage(browser, daemon.url);
  // Two that follow each other are of different views.
  for (const path of ['/', `/runs/${ids[0]}`, `/?columns=${encodeURIComponent(`metadata.<i>${evil.slice(0, 20)}`)}`, `/compare?runs=${ids}`, `/new?from=${ids[0]}`]) {
    await visit(page, daemon, path, '> *');
    await page.getByText('<b>bold</b>').or(page.locator(`input[value*="bold"]`)).or(page.getByRole('textbox', { name: 'Name' })).first().waitFor();
    await shows(() => page.locator('main img, main b, main i').count(), 0, path);
    assert.deepEqual(faults(complaints), [], path);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${path} is ${wide} pixels too wide`);
    if (path === '/') {
      const right = await page.locator('th', { hasText: 'Created' }).boundingBox();
      assert.ok(right.x + right.width <= 1280, 'the last column is off the screen');
    }
  }
  await context.close();
});

test('a column of metadata has what stands under its key, whatever the key', async (t) => {
  const { daemon, browser } = world;
  const metadata = { 'lab.owner': 'Ada', 'rows, cols': '3', '10%2C': 'percent', toString: 'word' };
  const ids = [];
  for (const more of [{ metadata }, {}]) ids.push(await startJob(t, daemon, { epochs: 1, ...more }));
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/`);
  const row = (id) => page.locator(`tr[data-id="${id}"]`);
  const cells = (id) => row(id).locator('td').evaluateAll((all) => Object.fromEntries(all.map((td) => [td.dataset.label, td.textContent])));
  await row(ids[1]).waitFor();
  await page.getByText('Columns').click();
  for (const key of Object.keys(metadata)) await page.getByLabel(key, { exact: true }).check();
  // What stands in the address is the same page again.
  for (const step of ['chosen', 'read again']) {
    if (step === 'read again') await page.reload();
    await row(ids[1]).waitFor();
    const [has, none] = [await cells(ids[0]), await cells(ids[1])];
    for (const [key, value] of Object.entries(metadata)) assert.deepEqual([step, key, has[key], none[key]], [step, key, value, '–']);
  }
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a run far down opens at its top, and going back returns to where one was', async (t) => {
  const { page } = await openCrowd(t, 60);
  await page.getByRole('link', { name: 'run 14', exact: true }).scrollIntoViewIfNeeded();
  const down = await page.evaluate(() => scrollY);
  assert.ok(down > 200);
  await page.getByRole('link', { name: 'run 14', exact: true }).click();
  await page.getByRole('heading', { name: 'run 14' }).waitFor();
  assert.equal(await page.evaluate(() => scrollY), 0);
  await page.goBack();
  await page.getByRole('link', { name: 'run 14', exact: true }).waitFor();
  await until(async () => (await page.evaluate(() => scrollY)) === down, 'the place one came from');
});

test('the skip link leads to the content, and the page stays what it was', async (t) => {
  const { page } = await openCrowd(t, 5);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'view');
  await page.getByRole('heading', { name: 'Runs' }).waitFor();
  assert.ok(page.url().endsWith('#/'), page.url());
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'search');
});
