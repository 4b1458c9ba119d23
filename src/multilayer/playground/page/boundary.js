// The picture of what the network predicts: the plane, the lines between classes, the rows, the axes.

import { CLASSES, css, palette } from "./colour.js";
import { trace } from "./marks.js";
import { borders, outputImage, unitImage } from "./plane.js";
import { cut, feature, show, tick } from "./words.js";

const EDGE = { left: 44, right: 10, top: 10, bottom: 36 };

/** Round places for the marks of an axis. */
export function ticks(low, high, wanted = 7) {
  const raw = (high - low) / wanted;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw) ?? raw;
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step)
    found.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return found;
}

/** A text that is no wider than the room for it: cut, with an ellipsis. */
function fitted(c, text, room) {
  let most = text.length;
  while (most > 1 && c.measureText(cut(text, most)).width > room) most--;
  return cut(text, most);
}

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.rows = document.createElement("canvas");
    this.testShown = false;
    this.peek = null;
    this.state = null;
    this.array = null;
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    if (!width || !height) return;
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const { left, right, top, bottom } = EDGE;
    this.box = { x: left, y: top, w: width - left - right, h: height - top - bottom, width, height, ratio };
    this.layRows();
    this.draw();
  }

  setState(state) {
    this.state = state;
    this.layRows();
  }

  showTest(on) {
    this.testShown = on;
    this.layRows();
    this.draw();
  }

  place(x, y) {
    const { x: left, y: top, w, h } = this.box;
    const [xmin, xmax, ymin, ymax] = this.state.span;
    return [left + ((x - xmin) / (xmax - xmin)) * w, top + (1 - (y - ymin) / (ymax - ymin)) * h];
  }

  /** The point of the plane under a place on the canvas, or null outside. */
  locate(px, py) {
    if (!this.state || !this.box) return null;
    const { x: left, y: top, w, h } = this.box;
    const [xmin, xmax, ymin, ymax] = this.state.span;
    const u = (px - left) / w;
    const v = 1 - (py - top) / h;
    if (u < 0 || u > 1 || v < 0 || v > 1) return null;
    return { x: xmin + u * (xmax - xmin), y: ymin + v * (ymax - ymin), u, v };
  }

  /** The row of the data nearest to a place, or null where none is near. */
  nearest(px, py, reach = 12) {
    const points = this.state?.points;
    if (!points || !this.box) return null;
    let best = null;
    let least = reach * reach;
    for (let i = 0; i < points.x.length; i++) {
      if (points.test[i] && !this.testShown) continue;
      const [x, y] = this.place(points.x[i], points.y[i]);
      const far = (x - px) ** 2 + (y - py) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  /** Share of the way from the least to the greatest label, for the colour of a number. */
  level(label) {
    const [low, high] = this.range ?? [0, 1];
    return Math.max(0, Math.min(1, (label - low) / (high - low || 1)));
  }

  setRange(range) {
    const rough = (pair) => pair?.map((v) => show(v, 2)).join();
    const before = rough(this.range);
    this.range = range;
    if (range && before !== rough(range) && this.state?.task === "regression") this.layRows();
  }

  /** The rows and axes, drawn once for many frames. */
  layRows() {
    if (!this.box || !this.state) return;
    const { width, height, ratio, x, y, w, h } = this.box;
    const colours = palette();
    [this.rows.width, this.rows.height] = [width * ratio, height * ratio];
    const c = this.rows.getContext("2d");
    c.scale(ratio, ratio);
    this.layAxes(c, colours);
    c.beginPath();
    c.rect(x - 3, y - 3, w + 6, h + 6);
    c.clip();
    const { points } = this.state;
    const regression = this.state.task === "regression";
    const r = Math.max(2.1, Math.min(3.6, w / 110)) * (points.x.length > 1200 ? 0.8 : 1);
    for (const test of this.testShown ? [1, 0] : [0]) {
      for (let i = 0; i < points.x.length; i++) {
        if (points.test[i] !== test) continue;
        const k = regression ? 0 : points.label[i];
        const fill = regression ? colours.numberAt(this.level(points.label[i])) : css(CLASSES[k % CLASSES.length]);
        const [px, py] = this.place(points.x[i], points.y[i]);
        c.beginPath();
        trace(c, k, px, py, r);
        if (test) {
          c.strokeStyle = colours.edge;
          c.lineWidth = 3.4;
          c.stroke();
          c.strokeStyle = fill;
          c.lineWidth = 1.8;
        } else {
          c.fillStyle = fill;
          c.fill();
          c.strokeStyle = regression ? "#1d2024" : colours.edge;
          c.lineWidth = regression ? 0.7 : 1;
        }
        c.stroke();
      }
    }
  }

  layAxes(c, colours) {
    const { x, y, w, h } = this.box;
    const [xmin, xmax, ymin, ymax] = this.state.span;
    c.fillStyle = colours.faint;
    c.strokeStyle = colours.line;
    c.font = "11px system-ui, sans-serif";
    c.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const v of ticks(xmin, xmax, w < 220 ? 5 : 7)) c.fillText(tick(v), this.place(v, ymin)[0], y + h + 5);
    c.fillStyle = colours.ink;
    const [across, up] = this.state.axes.map(feature);
    const names = [fitted(c, across, w), fitted(c, up, h)];
    // a name that is cut can be read whole under the pointer
    this.canvas.title = names[0] === across && names[1] === up ? "" : `horizontal: ${across}, vertical: ${up}`;
    c.fillText(names[0], x + w / 2, y + h + 20);
    c.fillStyle = colours.faint;
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const v of ticks(ymin, ymax)) c.fillText(tick(v), x - 5, this.place(xmin, v)[1], EDGE.left - 15);
    c.save();
    c.translate(8, y + h / 2);
    c.rotate(-Math.PI / 2);
    c.fillStyle = colours.ink;
    c.textAlign = "center";
    c.fillText(names[1], 0, 0);
    c.restore();
  }

  draw(array = this.array) {
    this.array = array;
    if (!this.box || !this.state || !array) return;
    const { ratio, width, height, x, y, w, h } = this.box;
    const colours = palette();
    const regression = this.state.task === "regression";
    const c = this.context;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    c.imageSmoothingEnabled = true;
    const peek = this.peek?.();
    c.drawImage(
      peek ? unitImage(peek.array, peek.index, colours.signed) : outputImage(array, regression, colours),
      x,
      y,
      w,
      h,
    );
    if (!peek) {
      const [, rows, columns] = array.shape;
      const sx = w / columns;
      const sy = h / rows;
      c.beginPath();
      borders(array, regression, (x1, y1, x2, y2) => {
        c.moveTo(x + (x1 + 0.5) * sx, y + h - (y1 + 0.5) * sy);
        c.lineTo(x + (x2 + 0.5) * sx, y + h - (y2 + 0.5) * sy);
      });
      c.globalAlpha = regression ? 0.35 : 0.75;
      c.strokeStyle = regression ? "#1d2024" : colours.ink;
      c.lineWidth = regression ? 0.8 : 1.4;
      c.stroke();
      c.globalAlpha = 1;
    }
    c.drawImage(this.rows, 0, 0, width, height);
  }

  /** What the network says at a place: probabilities of the classes, or the number. */
  value({ u, v }) {
    if (!this.array) return null;
    const [classes, rows, columns] = this.array.shape;
    const cell = Math.min(rows - 1, (v * rows) | 0) * columns + Math.min(columns - 1, (u * columns) | 0);
    const shares = Array.from({ length: classes }, (_, k) => this.array.data[k * rows * columns + cell] / 255);
    if (this.state.task === "regression") {
      const [low, high] = this.range ?? [0, 1];
      return { number: low + shares[0] * (high - low) };
    }
    return { shares: classes === 1 ? [1 - shares[0], shares[0]] : shares };
  }
}
