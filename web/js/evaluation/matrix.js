// A confusion matrix on a canvas: a row for each truth, a column for each guess, darker where more of the truth's
// examples went. Ten classes have names and counts, a thousand are points; both are read by pointer and by arrow keys.

import {h, setText} from '../dom.js';
import {counted, isolated, percent} from '../format.js';
import {cellAt, drawMatrix} from './matrix_canvas.js';

const STEPS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};

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

  function draw() {
    const width = Math.floor(element.clientWidth);
    if (!names.length || width < 40) return;
    const marks = [chosen && {...chosen, line: 2}, document.activeElement === canvas && {...at, line: 3}].filter(Boolean);
    layout = drawMatrix(canvas, width, {names, cells, support, marks});
  }

  const within = (i) => Math.max(0, Math.min(names.length - 1, i));
  const pointed = ({offsetX, offsetY}) => layout && cellAt(layout, cells, count, offsetX, offsetY);

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
    const cell = pointed(event);
    setText(said, cell ? sentence(cell) : chosen ? sentence(chosen) : ' ');
  });
  canvas.addEventListener('click', (event) => {
    const cell = pointed(event);
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
