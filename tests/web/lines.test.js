// What charts look up in their columns and stroke of them, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dashOf, drawDots, extent, firstFrom, nearest, smooth, strokeLine } from '../../web/js/chart/lines.js';

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
  const values = [4, null, 2, 2];
  assert.equal(smooth(values, 0), values);
  const out = smooth(values, 0.5);
  assert.deepEqual([...out.slice(0, 2)], [4, NaN]);
  assert.ok(Math.abs(out[2] - (0.25 * 4 + 0.5 * 2) / 0.75) < 1e-12);
  assert.equal(smooth(values, 0.5), out);
  values.push(2);
  assert.equal(smooth(values, 0.5).length, 5);
});

test('the y axis fits what is in view', () => {
  const line = { x: [0, 1, 2, 3], y: [9, 1, null, -5] };
  assert.deepEqual(extent(line, 0.5, 2.5), [1, 1]);
  assert.deepEqual(extent(line, 0, 3), [-5, 9]);
  assert.deepEqual(extent(line, 0, 3, true), [1, 9]);
  assert.deepEqual(extent(line, 4, 5), [Infinity, -Infinity]);
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

test('lines of one colour differ in their dash', () => {
  assert.deepEqual(dashOf({ color: 1 }), []);
  assert.notDeepEqual(dashOf({ color: 9 }), dashOf({ color: 1 }));
  assert.deepEqual(dashOf({ color: 9, dash: [1, 1] }), [1, 1]);
});
