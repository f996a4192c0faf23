// A chart as a picture that explains itself: title, plot, legend.

import {h} from '../dom.js';
import {save} from '../download.js';
import {dashOf} from './lines.js';

const ROW = 22;

/** The legend's entries, laid out in rows: [{line, x, row}]. */
function layout(ctx, lines, width) {
  const entries = [];
  let x = 12, row = 0;
  for (const line of lines) {
    const needed = 30 + ctx.measureText(line.label).width + 18;
    if (x + needed > width && x > 12) {
      x = 12;
      row++;
    }
    entries.push({line, x, row});
    x += needed;
  }
  return {entries, rows: row + 1};
}

/** Save `canvas`, drawn at `ratio` pixels to one, as a PNG. `paint` is {surface, text, stroke(line)}. */
export function savePicture({canvas, ratio, title, lines, paint}) {
  const width = canvas.width / ratio, height = canvas.height / ratio;
  const copy = h('canvas', {});
  const ctx = copy.getContext('2d');
  ctx.font = '13px system-ui';
  const {entries, rows} = layout(ctx, lines, width);
  copy.width = canvas.width;
  copy.height = (height + 34 + rows * ROW + 8) * ratio;
  ctx.fillStyle = paint.surface;
  ctx.fillRect(0, 0, copy.width, copy.height);
  ctx.drawImage(canvas, 0, 34 * ratio);
  ctx.scale(ratio, ratio);
  ctx.fillStyle = paint.text;
  ctx.font = '600 15px system-ui';
  ctx.fillText(title, 12, 22);
  ctx.font = '13px system-ui';
  ctx.lineWidth = 2.5;
  for (const {line, x, row} of entries) {
    const y = height + 34 + row * ROW + ROW / 2;
    ctx.strokeStyle = paint.stroke(line);
    ctx.setLineDash(dashOf(line));
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x + 22, y);
    ctx.stroke();
    ctx.fillText(line.label, x + 30, y + 4.5);
  }
  copy.toBlob((blob) => save(blob, `${title}.png`));
}
