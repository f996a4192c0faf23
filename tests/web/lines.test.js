// What charts look up in their columns and stroke of them, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFileSync } from 'node:fs';
import { load } from './modules.js';

const { COLORS, dashOf, drawBeyond, drawDots, nearest, SMOOTH_FROM, smooth, strokeLine } = await load('chart/lines.js');
const { ceiling, extents, firstFrom, logSplits, short, tick } = await load('chart/scale.js');
const { now, setClock } = await load('clock.js');
const { reason, statusText, timeLeft } = await load('describe.js');
const { parseBlock, readStream } = await load('stream.js');

/** A canvas that only remembers. */
function recorder() {
  const calls = [];
  const note = (name) => (...args) => calls.push([name, ...args]);
  return { calls, beginPath() {}, stroke() {}, fill: note('fill'), lineTo: note('lineTo'), moveTo() {}, arc: note('arc') };
}
const view = (min, max, width) => ({ min, max, left: 0, width, toY: (v) => v });

test('places are found by x', () => {
  const x = [1, 2, 4, 8];
  assert.deepEqual([0, 1, 3, 4, 9].map((v) => firstFrom(x, v)), [0, 0, 2, 2, 4]);
  assert.deepEqual([-5, 1.4, 2.9, 3, 3.1, 100].map((v) => nearest(x, v)), [0, 0, 1, 1, 2, 3]);
  assert.equal(nearest([], 1), -1);
});

test('an exponential mean begins at the first value and remembers what it made', () => {
  const values = [4, null, 2, 2, ...Array(SMOOTH_FROM).fill(2)];
  assert.equal(smooth(values, 0), values);
  const out = smooth(values, 0.5);
  assert.deepEqual([...out.slice(0, 2)], [4, NaN]);
  assert.ok(Math.abs(out[2] - (0.25 * 4 + 0.5 * 2) / 0.75) < 1e-12);
  assert.equal(smooth(values, 0.5), out);
  values.push(2);
  assert.equal(smooth(values, 0.5).length, values.length);
});

test('a line of few points is not bent: the last value is the last value', () => {
  const few = [0.1, 0.3, 0.5, 0.62, 0.678];
  assert.equal(smooth(few, 0.9), few);
});

test('the y axis fits what is in view', () => {
  const line = { x: [0, 1, 2, 3], y: [9, 1, null, -5] };
  assert.deepEqual(extents([line], 0.5, 2.5), [1, 1]);
  assert.deepEqual(extents([line], 0, 3), [-5, 9]);
  assert.deepEqual(extents([line], 0, 3, { positive: true }), [1, 9]);
  assert.deepEqual(extents([line], 4, 5), [Infinity, -Infinity]);
  assert.deepEqual(extents([line], 0, 3, { top: 2 }), [-5, 1]);
  assert.deepEqual(extents([line], 0, 0.5, { top: 2 }), [9, 9], 'nothing in view is below the top: all is shown');
});

test('runs that diverged do not set the axis, healthy ones do, whatever they end at', () => {
  const line = (...y) => ({ x: y.map((_, i) => i), y });
  const healthy = line(2.3, 2.2, 1, 0.01), diverged = line(2.3, 2.4, 1e3, 1e9), broken = line(1e7, 1e8, 1e9);
  assert.equal(ceiling([]), Infinity);
  for (const lines of [[healthy], [healthy, diverged], [diverged], [healthy, broken], [healthy, diverged, diverged]]) {
    const top = ceiling(lines);
    assert.ok(top > 2.4 && top < 1e3, `${top}`);
  }
  assert.deepEqual(extents([healthy, diverged], 0, 3, { top: ceiling([healthy, diverged]) }), [0.01, 2.4]);
});

test('an axis can be read however large its numbers are', () => {
  assert.deepEqual([0, 0.05, 2.5, 12000, 1e9, 2500000000, 1e-5, -3e7, null].map(tick), ['0', '0.05', '2.5', '12000', '1e9', '2.5e9', '1e-5', '-3e7', '']);
  assert.ok([1e9, 123456789, 9.87654e300, 1e-300].every((v) => tick(v).length <= 10));
});

test('few points are all drawn; many become one stroke a pixel, from lowest to highest', () => {
  const few = recorder();
  strokeLine(few, [0, 1, 2], [5, null, 7], view(0, 2, 100));
  assert.deepEqual(few.calls, [['lineTo', 0, 5], ['lineTo', 100, 7]]);

  const x = Array.from({ length: 10000 }, (_, i) => i);
  const y = x.map((i) => (i === 5000 ? 99 : i % 7));
  const many = recorder();
  strokeLine(many, x, y, view(0, 9999, 100));
  assert.ok(many.calls.length <= 2 * 101, `${many.calls.length} strokes`);
  assert.ok(many.calls.some(([, , height]) => height === 99), 'the one high point is lost');
  for (let column = 0; column < 100; column++) {
    const heights = many.calls.filter(([, at]) => at === column).map(([, , height]) => height);
    assert.equal(Math.min(...heights), 0);
    assert.ok(Math.max(...heights) >= 6);
  }
});

test('dots are drawn where there is room, both ends too', () => {
  const there = recorder();
  assert.ok(drawDots(there, [0, 1, 2], [5, null, 7], view(0, 2, 100), 5));
  assert.equal(there.calls.filter(([name]) => name === 'arc').length, 2);
  const x = Array.from({ length: 1000 }, (_, i) => i);
  assert.ok(!drawDots(recorder(), x, x, view(0, 999, 100), 5));
  assert.ok(drawDots(recorder(), x, x, view(100, 105, 100), 5));
});

test('a logarithmic axis has few numbers over many decades, and some within one', () => {
  assert.deepEqual(logSplits(1, 1e6), [1, 10, 100, 1000, 1e4, 1e5, 1e6]);
  assert.deepEqual(logSplits(0.1, 10), [0.1, 0.2, 0.5, 1, 2, 5, 10]);
  assert.deepEqual(logSplits(0.25, 0.65), [0.3, 0.4, 0.5, 0.6]);
  assert.equal(short(9000000000), '9e9');
  assert.equal(short(undefined), '–');
});

test('points beyond the axis are marked at its edge, and all are counted', () => {
  const marks = recorder();
  const count = drawBeyond(marks, [0, 1, 1.01, 2], [1, 50, 60, 70], { ...view(0, 2, 100), isBeyond: (v) => v > 10 }, { edge: 0, up: true, size: 8 });
  assert.equal(count, 3);
  assert.equal(marks.calls.filter(([name]) => name === 'lineTo').length, 2 * 2, 'two that lie together share an arrowhead');
});

test('lines of one colour differ in their dash', () => {
  assert.deepEqual(dashOf({ color: 1 }), []);
  assert.notDeepEqual(dashOf({ color: 1 + COLORS }), dashOf({ color: 1 }));
  assert.deepEqual(dashOf({ color: 1 + COLORS, dash: [1, 1] }), [1, 1]);
});

test('events are read whatever pieces they come in', async () => {
  assert.deepEqual(parseBlock(': heartbeat'), null);
  assert.deepEqual(parseBlock('retry: 2000\nid: a-7'), { id: 'a-7', data: null });
  const text = 'id: a-1\nevent: point\ndata: {"n":"ü"}\n\n: beat\n\nid: a-2\ndata: {"n":\ndata: 2}\n\n';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 3, 7, bytes.length]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
    const blocks = [];
    let heard = 0;
    await readStream(new Blob(pieces).stream(), { onHeard: () => heard++, onBlock: (block) => blocks.push(block) });
    assert.deepEqual(blocks, [{ id: 'a-1', data: { n: 'ü' } }, { id: 'a-2', data: { n: 2 } }]);
    assert.ok(heard > 0);
  }
});

test('a run says why it ended, failed or waits', () => {
  const job = (more) => ({ status: 'succeeded', settings: { epochs: 3, max_seconds: 60, early_stopping: { patience: 1 } }, error: null, ...more });
  const text = (more) => reason(job(more))?.text;
  assert.equal(text({ stop_reason: 'completed' }), 'Ended after all its 3 epochs.');
  assert.equal(text({ stop_reason: 'early_stopping' }), 'Ended early: no better test accuracy for 1 epoch.');
  assert.equal(text({ stop_reason: 'max_seconds' }), 'Ended early: its budget of 1 min was used up.');
  assert.equal(text({ stop_reason: 'something_new' }), 'Ended: something new.');
  assert.equal(text({ status: 'stopped', stop_reason: 'requested' }), 'Stopped on request. It can be resumed.');
  assert.deepEqual(reason(job({ status: 'failed', error: { message: 'the loss became NaN' } })), { text: 'It failed: the loss became NaN.', bad: true });
  assert.deepEqual(reason(job({ status: 'running', warning: 'the disk is full' })), { text: 'the disk is full', bad: true });
  assert.equal(reason(job({ status: 'running' })), null);
  assert.equal(text({ status: 'queued', queue_position: 4 }), 'In the queue behind 3 other runs.');
  assert.deepEqual([1, 2, 3, 4, 11, 21, 112].map((n) => statusText({ status: 'queued', queue_position: n }).slice(8)), ['1st', '2nd', '3rd', '4th', '11th', '21st', '112th']);
});

test('no time is left that nobody knows of', () => {
  const job = { status: 'running', estimated_finish_at: new Date(Date.now() + 90500).toISOString() };
  assert.match(timeLeft(job, { isCurrent: true }), /^1 min/);
  assert.equal(timeLeft(job, { isCurrent: false }), 'not known');
});

test('the time that is left goes by the daemon’s clock', () => {
  const from = performance.now(), daemon = Date.parse('2040-01-01T00:00:00Z');
  const left = (seconds) => timeLeft({ status: 'running', estimated_finish_at: new Date(daemon + seconds * 1000).toISOString() }, { isCurrent: true });
  setClock('nonsense', from, from);
  setClock(null, from, from);
  assert.ok(Math.abs(now() - Date.now()) < 5, 'the browser’s, before the daemon has said anything');
  setClock(new Date(daemon).toUTCString(), from - 10, from);
  assert.ok(Math.abs(now() - (performance.now() - from) - daemon - 500) < 10, 'to the second');
  assert.match(left(90), /^1 min (29|30) s$/);
  // The second ends between two answers: then it is known when.
  setClock(new Date(daemon).toUTCString(), from + 880, from + 900);
  setClock(new Date(daemon + 1000).toUTCString(), from + 920, from + 940);
  const ahead = now() - performance.now() + from - daemon;
  assert.ok(ahead >= 60 && ahead <= 120, `${ahead} ms`);
  // It was set back.
  setClock(new Date(daemon - 3600000).toUTCString(), from, from + 1);
  assert.match(left(-3600 + 30), /^(29|30) s$/);
});

/* Colours, from the style sheet as it is. */

const style = readFileSync(new URL('../../web/style.css', import.meta.url), 'utf8');
const SCHEMES = { light: style.slice(0, style.indexOf('@media')), dark: style.slice(style.indexOf('@media')) };
const colorOf = (scheme, name) => SCHEMES[scheme].match(new RegExp(`--${name}: (#[0-9a-f]{3,6})`))[1];
const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
function rgb(hex) {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((d) => d + d) : hex.slice(1).match(/../g);
  return digits.map((d) => linear(parseInt(d, 16) / 255));
}
const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
function contrast(a, b) {
  const [x, y] = [luminance(rgb(a)), luminance(rgb(b))];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

// How the colour-blind see (Machado, Oliveira and Fernandes 2009, severity 1); by OKLab, 100 from black to white.
const SIGHT = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
const times = (matrix, v) => matrix.map((row) => row.reduce((sum, m, i) => sum + m * v[i], 0));
function oklab(color) {
  const lms = times([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]], color);
  return times([[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]], lms.map(Math.cbrt));
}
const seen = (hex, sight) => oklab(times(SIGHT[sight], rgb(hex)).map((c) => Math.min(1, Math.max(0, c))));
const distance = (a, b) => 100 * Math.hypot(...a.map((v, i) => v - b[i]));

for (const scheme of Object.keys(SCHEMES)) {
  test(`${scheme}: the lines' colours stand out from the surface and from each other, also for the colour-blind`, () => {
    const colors = Array.from({ length: COLORS }, (_, n) => colorOf(scheme, `line-${n + 1}`));
    for (const color of colors) assert.ok(contrast(color, colorOf(scheme, 'surface')) >= 3, color);
    for (const sight of Object.keys(SIGHT)) {
      for (const [i, a] of colors.entries()) for (const b of colors.slice(0, i)) {
        const apart = distance(seen(a, sight), seen(b, sight));
        assert.ok(apart >= (sight === 'normal' ? 15 : 8.5), `${a} and ${b}: ${apart.toFixed(1)} with ${sight} sight`);
      }
    }
  });

  test(`${scheme}: the borders of what can be used stand out`, () => {
    for (const surface of ['surface', 'raised']) {
      assert.ok(contrast(colorOf(scheme, 'border'), colorOf(scheme, surface)) >= 3, surface);
      for (const name of ['text', 'muted', 'accent', 'bad', 'good', 'warn']) assert.ok(contrast(colorOf(scheme, name), colorOf(scheme, surface)) >= 4.5, name);
    }
  });
}
