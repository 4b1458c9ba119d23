// A chart of two curves over the epochs: training drawn through, test dashed.

import { ticks } from "./boundary.js";
import { palette } from "./colour.js";
import { places, show } from "./words.js";

const finite = (list) => list.filter(Number.isFinite);

export class Curve {
  /** title: what stands above; unit: true where values lie between 0 and 1 */
  constructor(canvas, title, share = false) {
    Object.assign(this, { canvas, title, share, context: canvas.getContext("2d"), data: null, over: null });
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => {
      this.over = event.offsetX;
      this.draw();
    });
    canvas.addEventListener("pointerleave", () => {
      this.over = null;
      this.draw();
    });
  }

  /** epochs, and the values at them of training and test; `at`: the epoch shown of history, or null */
  draw(data = this.data) {
    this.data = data;
    const { canvas, context: c } = this;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const ratio = devicePixelRatio || 1;
    if (!width || !data) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    }
    const colours = palette();
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    const { epochs, training, test, at } = data;
    const values = finite([...training, ...test]);
    const [low, high] = this.scale(values);
    const left = 36;
    const right = width - 8;
    const top = 20;
    const bottom = height - 18;
    const end = Math.max(1, epochs.at(-1) ?? 1);
    const X = this.log
      ? (e) => left + (Math.log1p(e) / Math.log1p(end)) * (right - left)
      : (e) => left + (e / end) * (right - left);
    const Y = (v) => bottom - ((Math.max(low, Math.min(high, v)) - low) / (high - low)) * (bottom - top);

    c.lineWidth = 1;
    c.strokeStyle = colours.line;
    c.fillStyle = colours.faint;
    for (const v of ticks(low, high, 3)) {
      c.beginPath();
      c.moveTo(left, Math.round(Y(v)) + 0.5);
      c.lineTo(right, Math.round(Y(v)) + 0.5);
      c.stroke();
      c.textAlign = "right";
      c.fillText(show(v, 2), left - 5, Y(v));
    }
    c.textAlign = "left";
    c.fillText("0", left, bottom + 10);
    c.textAlign = "right";
    c.fillText(`epoch ${places(end)}`, right, bottom + 10);
    c.fillStyle = colours.ink;
    c.textAlign = "left";
    if (this.over === null) c.fillText(this.title, left, 8);

    this.line(X, Y, epochs, test, colours.test, [5, 3]);
    this.line(X, Y, epochs, training, colours.train, []);
    c.setLineDash([]);
    if (at !== null && at !== undefined) this.mark(X(at), top, bottom, colours.plus);
    if (this.over !== null && epochs.length) this.tell(X, epochs, training, test, top, bottom, colours, left);
  }

  scale(values) {
    if (!values.length) return [0, 1];
    // one wild moment must not flatten the rest: what lies above 1.5 times the middle's worst is cut
    const sorted = [...values].sort((a, b) => a - b);
    let low = sorted[0];
    let high = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.985))];
    if (this.share) [low, high] = [Math.max(Math.min(low, 0.5), -0.25), 1];
    else low = Math.min(0, low);
    return high > low ? [low, high + (this.share ? 0 : (high - low) * 0.06)] : [low, low + 1];
  }

  line(X, Y, epochs, values, colour, dash) {
    const c = this.context;
    c.strokeStyle = colour;
    c.lineWidth = 1.6;
    c.setLineDash(dash);
    c.beginPath();
    let down = false;
    values.forEach((v, i) => {
      const drawn = Number.isFinite(v);
      if (drawn && down) c.lineTo(X(epochs[i]), Y(v));
      else if (drawn) c.moveTo(X(epochs[i]), Y(v));
      down = drawn;
    });
    c.stroke();
  }

  mark(x, top, bottom, colour) {
    const c = this.context;
    c.strokeStyle = colour;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(Math.round(x) + 0.5, top);
    c.lineTo(Math.round(x) + 0.5, bottom);
    c.stroke();
  }

  tell(X, epochs, training, test, top, bottom, colours, left) {
    let best = 0;
    epochs.forEach((e, i) => {
      if (Math.abs(X(e) - this.over) < Math.abs(X(epochs[best]) - this.over)) best = i;
    });
    this.mark(X(epochs[best]), top, bottom, colours.faint);
    this.context.fillStyle = colours.ink;
    this.context.textAlign = "left";
    this.context.fillText(`epoch ${places(epochs[best])}: ${show(training[best])}, test ${show(test[best])}`, left, 8);
  }
}
