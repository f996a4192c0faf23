// How sure the network is against how often it is right, bin by bin; the diagonal is where both agree.

import {h, svg} from '../dom.js';
import {counted, number, percent} from '../format.js';

const SIDE = 260, LEFT = 44, BOTTOM = 40, TOP = 8;

const text = (x, y, content, anchor = 'middle') => svg('text', {x, y, 'text-anchor': anchor, class: 'tick'}, content);

function bar(bin) {
  const x = LEFT + bin.from * SIDE, width = (bin.to - bin.from) * SIDE, top = (share) => TOP + (1 - share) * SIDE;
  const gap = [Math.min(bin.accuracy, bin.confidence), Math.max(bin.accuracy, bin.confidence)];
  return svg('g', {}, svg('title', {}, `${counted(bin.count, 'example')} with a confidence of ${percent(bin.confidence)}: ${percent(bin.accuracy)} right`),
    svg('rect', {class: 'right', x: x + 1, y: top(bin.accuracy), width: width - 2, height: bin.accuracy * SIDE}),
    svg('rect', {class: 'gap', x: x + 1, y: top(gap[1]), width: width - 2, height: (gap[1] - gap[0]) * SIDE}));
}

/** A figure of an evaluation's calibration. */
export function reliability(calibration) {
  const bins = calibration.bins.filter((bin) => bin.count > 0);
  const ticks = [0, 0.5, 1];
  const drawing = svg('svg', {class: 'reliability', viewBox: `0 0 ${LEFT + SIDE + 12} ${TOP + SIDE + BOTTOM}`, role: 'img', 'aria-label': 'Reliability diagram'},
    svg('rect', {class: 'frame', x: LEFT, y: TOP, width: SIDE, height: SIDE}), bins.map(bar),
    svg('line', {class: 'diagonal', x1: LEFT, y1: TOP + SIDE, x2: LEFT + SIDE, y2: TOP}),
    ticks.map((v) => [text(LEFT + v * SIDE, TOP + SIDE + 16, String(v)), text(LEFT - 6, TOP + (1 - v) * SIDE + 4, String(v), 'end')]),
    text(LEFT + SIDE / 2, TOP + SIDE + 34, 'confidence'),
    svg('text', {class: 'tick', 'text-anchor': 'middle', transform: `translate(12 ${TOP + SIDE / 2}) rotate(-90)`}, 'share that is right'));
  const {temperature, no_temperature: why} = calibration;
  const mended = temperature === null ? `No temperature: ${why ?? 'there are no examples to fit it on'}.`
    : `At temperature ${number(temperature)}, fitted on ${counted(calibration.temperature_examples, 'held-out example')}: ${percent(calibration.expected_error_at_temperature)}.`;
  return h('figure', {class: 'chart'}, h('figcaption', {}, 'How sure, how right'), drawing,
    h('p', {class: 'hint'}, `Expected calibration error ${percent(calibration.expected_error)}. ${mended}`));
}
