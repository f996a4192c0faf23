// Where the cells of a confusion matrix are on its canvas, and what is drawn in them.

const LEAST_NAME = 11;   // pixels of a cell that bear a name beside it
const LEAST_COUNT = 24;  // and a count in it
const LARGEST = 52;
const NEAR = 5;          // pixels around the pointer in which an entry is looked for
const FONT = '13px system-ui';

/** {n: classes, cell: the side of one, left and top of the first, named: whether names are beside them}, in pixels. */
function measure(ctx, names, width) {
  const n = names.length;
  const longest = Math.ceil(Math.max(...names.map((name) => ctx.measureText(name).width)));
  const left = Math.min(longest + 10, Math.floor(width * 0.3));
  const cell = Math.min(LARGEST, (width - left - 2) / n);
  const named = cell >= LEAST_NAME;
  const margin = named ? left : 2;
  const side = named ? cell : Math.min(LARGEST, (width - 4) / n);
  return {n, cell: side, left: margin, top: named ? margin : 2, named};
}

function clipped(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  let n = text.length;
  while (n > 1 && ctx.measureText(`${text.slice(0, n)}…`).width > width) n--;
  return `${text.slice(0, n)}…`;
}

function drawNames(ctx, {n, cell, left, top}, names, color) {
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

function drawCell(ctx, {cell, left, top}, [truth, guess, n], support, color) {
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

function drawMark(ctx, {cell, left, top}, {truth, guess, line}, color) {
  const side = Math.max(6, cell);
  ctx.strokeStyle = color.text;
  ctx.lineWidth = line;
  ctx.strokeRect(left + guess * cell + cell / 2 - side / 2, top + truth * cell + cell / 2 - side / 2, side, side);
}

/**
 * Draw all of it, so many pixels wide: `cells` of [truth, guess, n], `support` the examples of each truth, `marks` around
 * cells {truth, guess, line: its width}. Returns the layout, for cellAt.
 */
export function drawMatrix(canvas, width, {names, cells, support, marks}) {
  const ctx = canvas.getContext('2d'), ratio = devicePixelRatio || 1;
  const style = getComputedStyle(canvas), of = (name) => style.getPropertyValue(name).trim();
  const color = {surface: of('--surface'), text: of('--text'), line: of('--line'), right: of('--accent'), wrong: of('--bad')};
  ctx.font = FONT;
  const layout = measure(ctx, names, width), {n, cell, left, top, named} = layout, side = n * cell;
  // Which resets the context, its font too.
  canvas.width = Math.ceil((left + side + 2) * ratio);
  canvas.height = Math.ceil((top + side + 2) * ratio);
  Object.assign(canvas.style, {width: `${canvas.width / ratio}px`, height: `${canvas.height / ratio}px`});
  ctx.scale(ratio, ratio);
  ctx.font = FONT;
  ctx.strokeStyle = color.line;
  ctx.strokeRect(left - 0.5, top - 0.5, side + 1, side + 1);
  if (named) drawNames(ctx, layout, names, color);
  for (const entry of cells) drawCell(ctx, layout, entry, support, color);
  for (const mark of marks) drawMark(ctx, layout, mark, color);
  return layout;
}

/** The cell under the pointer; among many small ones the entry that is nearest. `count(truth, guess)` is what is in one. */
export function cellAt({cell, left, top, n}, cells, count, offsetX, offsetY) {
  const x = (offsetX - left) / cell, y = (offsetY - top) / cell;
  if (x < 0 || y < 0 || x >= n || y >= n) return null;
  const found = {truth: Math.floor(y), guess: Math.floor(x)};
  if (cell >= NEAR || count(found.truth, found.guess)) return found;
  let best = null, least = NEAR / cell;
  for (const [truth, guess] of cells) {
    const far = Math.hypot(truth + 0.5 - y, guess + 0.5 - x);
    if (far < least) [best, least] = [{truth, guess}, far];
  }
  return best;
}
