// A confusion matrix on a canvas: a row for each truth, a column for each guess, darker where more of the truth's
// examples went. Ten classes have names and counts, a thousand are points; both are read by pointer and by arrow keys.

import {h, setText} from '../dom.js';
import {counted, isolated, percent} from '../format.js';

const LEAST_NAME = 11;   // pixels of a cell that bear a name beside it
const LEAST_COUNT = 24;  // and a count in it
const LARGEST = 52;
const NEAR = 5;          // pixels around the pointer in which an entry is looked for

const key = (truth, guess, n) => truth * n + guess;

/** {element, set(confusion), choose(truth, guess)}; onChoose(truth, guess) is called when a cell is chosen. */
export function matrix(onChoose) {
  const canvas = h('canvas', {class: 'matrix', tabindex: '0', role: 'application', 'aria-label': 'Confusion matrix. Arrow keys go from cell to cell, Enter shows its pictures.'});
  const said = h('p', {class: 'hint', 'aria-live': 'polite'}, ' ');
  const element = h('div', {}, canvas, said);
  let names = [], cells = [], counts = new Map(), support = [], layout = null, at = {truth: 0, guess: 0}, chosen = null;

  const count = (truth, guess) => counts.get(key(truth, guess, names.length)) ?? 0;
  function sentence({truth, guess}) {
    const n = count(truth, guess), share = percent(support[truth] ? n / support[truth] : 0);
    return truth === guess ? `${isolated(names[truth])}: ${counted(n, 'example')} right, ${share}` : `${isolated(names[truth])} taken for ${isolated(names[guess])}: ${counted(n, 'example')}, ${share}`;
  }

  function measure(ctx, width) {
    const n = names.length;
    ctx.font = '13px system-ui';
    const longest = Math.ceil(Math.max(...names.map((name) => ctx.measureText(name).width)));
    const left = Math.min(longest + 10, Math.floor(width * 0.3));
    const cell = Math.min(LARGEST, (width - left - 2) / n);
    const named = cell >= LEAST_NAME;
    const margin = named ? left : 2;
    const side = named ? cell : Math.min(LARGEST, (width - 4) / n);
    return {n, cell: side, left: margin, top: named ? margin : 2, named};
  }

  const clipped = (ctx, text, width) => {
    if (ctx.measureText(text).width <= width) return text;
    let n = text.length;
    while (n > 1 && ctx.measureText(`${text.slice(0, n)}…`).width > width) n--;
    return `${text.slice(0, n)}…`;
  };

  function drawNames(ctx, color) {
    const {n, cell, left, top} = layout;
    ctx.fillStyle = color.text;
    ctx.textBaseline = 'middle';
    for (let i = 0; i < n; i++) {
      const middle = (i + 0.5) * cell, text = clipped(ctx, names[i], left - 8);
      ctx.textAlign = 'right';
      ctx.fillText(text, left - 6, top + middle);
      ctx.save();
      ctx.translate(left + middle, top - 6);
      ctx.rotate(-Math.PI / 2);
      ctx.textAlign = 'left';
      ctx.fillText(text, 0, 0);
      ctx.restore();
    }
  }

  function drawCell(ctx, color, [truth, guess, n]) {
    const {cell, left, top} = layout;
    const share = Math.sqrt(n / Math.max(1, support[truth]));
    const x = left + guess * cell, y = top + truth * cell, side = Math.max(1, cell);
    ctx.globalAlpha = 0.08 + 0.92 * share;
    ctx.fillStyle = truth === guess ? color.right : color.wrong;
    ctx.fillRect(x, y, side, side);
    ctx.globalAlpha = 1;
    if (cell < LEAST_COUNT) return;
    ctx.fillStyle = share > 0.6 ? color.surface : color.text;
    ctx.textAlign = 'center';
    ctx.fillText(String(n), x + cell / 2, y + cell / 2 + 1, cell - 4);
  }

  function drawMark(ctx, {truth, guess}, style, width) {
    const {cell, left, top} = layout, side = Math.max(6, cell);
    ctx.strokeStyle = style;
    ctx.lineWidth = width;
    ctx.strokeRect(left + guess * cell + cell / 2 - side / 2, top + truth * cell + cell / 2 - side / 2, side, side);
  }

  function draw() {
    const width = Math.floor(element.clientWidth);
    if (!names.length || width < 40) return;
    const ctx = canvas.getContext('2d'), ratio = devicePixelRatio || 1;
    const style = getComputedStyle(element), of = (name) => style.getPropertyValue(name).trim();
    const color = {surface: of('--surface'), text: of('--text'), line: of('--line'), right: of('--accent'), wrong: of('--bad')};
    layout = measure(ctx, width);
    const {n, cell, left, top, named} = layout, side = n * cell;
    canvas.width = Math.ceil((left + side + 2) * ratio);
    canvas.height = Math.ceil((top + side + 2) * ratio);
    Object.assign(canvas.style, {width: `${canvas.width / ratio}px`, height: `${canvas.height / ratio}px`});
    ctx.scale(ratio, ratio);
    ctx.font = '13px system-ui';
    ctx.strokeStyle = color.line;
    ctx.strokeRect(left - 0.5, top - 0.5, side + 1, side + 1);
    if (named) drawNames(ctx, color);
    for (const entry of cells) drawCell(ctx, color, entry);
    if (chosen) drawMark(ctx, chosen, color.text, 2);
    if (document.activeElement === canvas) drawMark(ctx, at, color.text, 3);
  }

  const within = (i) => Math.max(0, Math.min(names.length - 1, i));
  /** The cell under the pointer; among many small ones the entry that is nearest. */
  function cellAt(event) {
    if (!layout) return null;
    const {cell, left, top, n} = layout;
    const x = (event.offsetX - left) / cell, y = (event.offsetY - top) / cell;
    if (x < 0 || y < 0 || x >= n || y >= n) return null;
    const found = {truth: Math.floor(y), guess: Math.floor(x)};
    if (cell >= NEAR || count(found.truth, found.guess)) return found;
    const reach = NEAR / cell;
    let best = null, least = reach;
    for (const [truth, guess] of cells) {
      const far = Math.hypot(truth + 0.5 - y, guess + 0.5 - x);
      if (far < least) [best, least] = [{truth, guess}, far];
    }
    return best;
  }

  const STEPS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  canvas.addEventListener('keydown', (event) => {
    const step = STEPS[event.key];
    if (event.key === 'Enter' || event.key === ' ') choose(at.truth, at.guess);
    else if (step) at = {truth: within(at.truth + step[0]), guess: within(at.guess + step[1])};
    else return;
    event.preventDefault();
    setText(said, sentence(at));
    draw();
  });
  canvas.addEventListener('focus', () => { if (names.length) setText(said, sentence(at)); draw(); });
  canvas.addEventListener('blur', draw);
  canvas.addEventListener('pointermove', (event) => {
    const cell = cellAt(event);
    setText(said, cell ? sentence(cell) : chosen ? sentence(chosen) : ' ');
  });
  canvas.addEventListener('click', (event) => {
    const cell = cellAt(event);
    if (cell) choose(cell.truth, cell.guess);
  });

  function choose(truth, guess) {
    at = chosen = {truth, guess};
    setText(said, sentence(chosen));
    draw();
    onChoose(truth, guess);
  }

  const sized = new ResizeObserver(draw);
  sized.observe(element);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', draw);
  return {
    element, choose,
    set(confusion) {
      ({classes: names, cells} = confusion);
      counts = new Map(cells.map(([truth, guess, n]) => [key(truth, guess, names.length), n]));
      support = names.map(() => 0);
      for (const [truth, , n] of cells) support[truth] += n;
      chosen = null;
      draw();
    },
    clear() {
      chosen = null;
      draw();
    },
    destroy() {
      sized.disconnect();
      dark.removeEventListener('change', draw);
    },
  };
}
