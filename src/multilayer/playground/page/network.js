// The drawing of the network: a small picture for each unit, a line for each weight.

import { palette } from "./colour.js";
import { layerControls } from "./layer.js";
import { paintUnit } from "./plane.js";
import { feature, make, range, show } from "./words.js";

const MOST = 16; // units drawn of one layer; the rest is told in words
const DASHES = [5, 3.5];
const NONE = [];
const HEAD = 66; // room for a layer's controls

/** Height on the curve from (x0, y0) to (x1, y1) at share t of the way across. */
const bend = (y0, y1, t) => y0 + (y1 - y0) * t * t * (3 - 2 * t);

export class NetworkView {
  /** on: units(layer, by), activation(layer, name), peek(unit or null), edit(place), tip(text or null, x, y) */
  constructor(stage, canvas, on) {
    Object.assign(this, {
      stage,
      canvas,
      on,
      context: canvas.getContext("2d"),
      columns: [],
      paths: new Map(),
      shape: "",
      hot: null,
    });
    new ResizeObserver(() => this.layOut()).observe(stage.parentElement);
    stage.addEventListener("pointermove", (event) => this.point(event));
    stage.addEventListener("pointerleave", () => this.point(null));
    stage.addEventListener("click", (event) => this.click(event));
  }

  setState(state, activations) {
    this.state = state;
    this.activations = activations;
    this.build();
  }

  /** The sizes as the pictures tell them: inputs, hidden layers, outputs. */
  static sizes(arrays) {
    const found = [];
    for (let l = 1; arrays[`theta${l}`]; l++) {
      const [units, inputs] = arrays[`theta${l}`].shape;
      if (l === 1) found.push(inputs - 1);
      found.push(units);
    }
    return found;
  }

  draw(frame) {
    this.frame = frame;
    const sizes = NetworkView.sizes(frame.arrays);
    if (sizes.join() !== this.shape) {
      this.shape = sizes.join();
      this.sizes = sizes;
      this.build();
    }
    this.paint();
  }

  build() {
    if (!this.state || !this.sizes) return;
    const last = this.sizes.length - 1;
    const key = JSON.stringify([
      this.sizes,
      this.state.settings.activation,
      this.state.inputs,
      this.state.classes,
      this.state.target,
    ]);
    if (key === this.built) return;
    this.built = key;
    const focused = this.remember();
    for (const column of this.columns) column.element.remove();
    this.columns = this.sizes.map((size, l) => {
      const kind = l === 0 ? "inputs" : l === last ? "outputs" : "hidden";
      const element = make("div", {
        class: kind === "hidden" ? "column layer" : `column ${kind}`,
        role: "group",
        "data-layer": kind === "hidden" ? l : null,
        "data-column": l,
        "aria-label": this.layerName(l),
      });
      element.append(
        kind === "hidden"
          ? layerControls(l, size, this.state.settings.activation[l - 1], this.activations, this.on)
          : make("p", { class: "layer-name" }, kind === "inputs" ? "inputs" : this.outputName(size)),
      );
      const units = range(Math.min(size, MOST)).map((k) => this.unit(l, k, kind, element));
      if (size > MOST) element.append(make("p", { class: "more" }, `and ${size - MOST} more`));
      this.stage.append(element);
      return { element, units, kind };
    });
    this.layOut();
    const again = focused && this.stage.querySelector(focused.place);
    if (!again) return;
    if (focused.typed !== null) again.value = focused.typed;
    again.focus();
  }

  /** What has the focus, and what is being typed there, for after the layers are built anew. */
  remember() {
    const active = document.activeElement;
    const layer = active?.closest?.(".column");
    if (!layer || !this.stage.contains(layer)) return null;
    const unit =
      active.dataset.unit === undefined ? `.${active.className.split(" ")[0]}` : `[data-unit="${active.dataset.unit}"]`;
    const typed = active.matches(".units-count") && active.value !== active.defaultValue ? active.value : null;
    return { place: `[data-column="${layer.dataset.column}"] ${unit}`, typed };
  }

  unit(l, k, kind, parent) {
    const canvas = make("canvas", { width: 40, height: 40, "aria-hidden": "true" });
    const button = make(
      "button",
      { type: "button", class: "unit", "data-unit": k, "aria-label": this.unitName(l, k) },
      canvas,
    );
    const look = (on) => this.peek(on ? { l, k } : null);
    button.addEventListener("focus", () => {
      if (button.matches(":focus-visible")) look(true);
    });
    button.addEventListener("blur", () => look(false));
    button.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") look(true);
    });
    button.addEventListener("pointerleave", () => look(false));
    if (l > 0)
      button.addEventListener("click", (event) => {
        event.stopPropagation();
        this.on.edit({ layer: l, to: k });
      });
    parent.append(button);
    const label =
      kind === "hidden"
        ? null
        : make(
            "span",
            { class: "unit-label" },
            kind === "inputs" ? feature(this.state.inputs[k] ?? "") : this.outputLabel(k),
          );
    if (label) {
      label.title = label.textContent;
      parent.append(label);
    }
    return { button, context: canvas.getContext("2d"), label };
  }

  outputName(size) {
    return this.state.task === "regression" ? "output" : size > 1 ? "classes" : "output";
  }
  outputLabel(k) {
    const { task, classes, target } = this.state;
    if (task === "regression") return target ?? "y";
    return this.sizes.at(-1) === 1 ? `P(${classes[1] ?? 1})` : String(classes[k] ?? k);
  }
  layerName(l) {
    return l === 0 ? "Inputs" : l === this.sizes.length - 1 ? "Output" : `Hidden layer ${l}`;
  }
  unitName(l, k) {
    if (l === 0) return `input ${feature(this.state.inputs[k] ?? k)}`;
    if (l === this.sizes.length - 1) return `output ${this.outputLabel(k)}`;
    return `unit ${k + 1} of hidden layer ${l}`;
  }
  shortName(l, k) {
    return l === 0
      ? feature(this.state.inputs[k] ?? k)
      : l === this.sizes.length - 1
        ? `output ${this.outputLabel(k)}`
        : `unit ${k + 1}`;
  }

  layOut() {
    if (!this.columns.length) return;
    const outer = this.stage.parentElement;
    const hidden = this.columns.length - 2;
    const letters = (kind) =>
      Math.max(
        ...this.columns.filter((c) => c.kind === kind).flatMap((c) => c.units.map((u) => u.label.textContent.length)),
      );
    const first = Math.min(118, Math.max(78, 44 + 6.5 * letters("inputs")));
    const after = Math.min(120, Math.max(70, 36 + 6.5 * letters("outputs")));
    const width = Math.max(outer.clientWidth - 12, first + after + (hidden + 1) * 90);
    const most = Math.min(MOST, Math.max(...this.sizes));
    const size = most <= 6 ? 46 : most <= 8 ? 40 : most <= 10 ? 34 : 24;
    const pitch = size + (most <= 8 ? 16 : most <= 10 ? 9 : 6);
    const height = HEAD + Math.max(5 * 50, most * pitch) + (this.sizes.some((n) => n > MOST) ? 24 : 4);
    this.stage.style.width = `${width}px`;
    this.stage.style.height = `${height}px`;
    const ratio = devicePixelRatio || 1;
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.box = { width, height, ratio, size };
    this.paths.clear();
    const lastAt = width - after;
    const step = (lastAt - first) / (this.columns.length - 1);
    this.columns.forEach((column, l) => {
      const centre = first + l * step;
      column.x = centre;
      column.element.style.left = `${centre - 52}px`;
      const free = height - HEAD - (column.units.length < this.sizes[l] ? 24 : 4);
      const top = HEAD + (free - column.units.length * pitch) / 2;
      column.ys = column.units.map((unit, k) => {
        const y = top + k * pitch + pitch / 2;
        unit.button.style.top = `${y - size / 2}px`;
        unit.button.style.width = unit.button.style.height = `${size}px`;
        if (unit.label) {
          unit.label.style.top = `${y}px`;
          unit.label.style[column.kind === "inputs" ? "right" : "left"] = `${52 + size / 2 + 6}px`;
          unit.label.style.maxWidth = `${(column.kind === "inputs" ? first : after) - size / 2 - 8}px`;
        }
        return y;
      });
    });
    if (this.frame) this.paint();
  }

  paint() {
    const { frame, columns } = this;
    if (!frame || !this.box || columns.length !== this.sizes.length) return;
    const colours = palette();
    const last = columns.length - 1;
    columns.forEach(({ units }, l) => {
      const array = frame.arrays[l === last ? "output" : `unit${l}`];
      if (!array) return;
      const table = (k) =>
        l < last
          ? colours.signed
          : this.state.task === "regression"
            ? colours.number
            : array.shape[0] === 1
              ? colours.signed
              : colours.ofClass(k);
      units.forEach(({ context }, k) => {
        if (k < array.shape[0]) paintUnit(context, array, k, table(k));
      });
    });
    this.paintLinks(colours);
  }

  /** Calls act({layer, to, from}, weight, share of the layer's largest, SVG path) for every line that is drawn. */
  eachLink(act) {
    const {
      columns,
      box: { size },
    } = this;
    for (let l = 1; l < columns.length; l++) {
      const {
        data,
        shape: [, across],
      } = this.frame.arrays[`theta${l}`];
      const from = columns[l - 1];
      const to = columns[l];
      let most = 1;
      to.ys.forEach((_, k) => {
        for (let j = 0; j <= from.ys.length; j++) most = Math.max(most, Math.abs(data[k * across + j]));
      });
      const x0 = from.x + size / 2;
      const x1 = to.x - size / 2;
      const middle = (x0 + x1) / 2;
      to.ys.forEach((y1, k) => {
        for (let j = 0; j <= from.ys.length; j++) {
          const w = data[k * across + j];
          // the bias is a stub from above left into the unit's corner
          const path =
            j === 0
              ? `M${x1 - 9} ${y1 - size / 2 - 5}L${x1 + 2} ${y1 - size / 2 + 2}`
              : `M${x0} ${from.ys[j - 1]}C${middle} ${from.ys[j - 1]} ${middle} ${y1} ${x1} ${y1}`;
          act({ layer: l, to: k, from: j }, w, Math.abs(w) / most, path);
        }
      });
    }
  }

  paintLinks(colours) {
    const {
      context: c,
      box: { width, height, ratio },
      hot,
      paths,
    } = this;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    this.eachLink(({ layer, to, from }, w, share, path) => {
      const near = hot && hot.layer === layer && hot.to === to && hot.from === from;
      if (!paths.has(path)) paths.set(path, new Path2D(path));
      c.globalAlpha = near ? 1 : 0.3 + 0.7 * Math.sqrt(share);
      c.lineWidth = 0.6 + 5 * share + (near ? 2 : 0);
      c.strokeStyle = w < 0 ? colours.minus : colours.plus;
      c.setLineDash(w < 0 ? DASHES : NONE);
      c.stroke(paths.get(path));
    });
    c.setLineDash(NONE);
    c.globalAlpha = 1;
  }

  /** The weight whose line passes nearest to a place of the stage. */
  nearest(x, y) {
    const half = this.box.size / 2;
    for (let l = 1; l < this.columns.length; l++) {
      const from = this.columns[l - 1];
      const to = this.columns[l];
      const x0 = from.x + half;
      const x1 = to.x - half;
      if (x < x0 || x > x1) continue;
      // a cubic whose middle handles stand halfway: x(t) grows, so t is found by halving
      let low = 0;
      let high = 1;
      const goal = (x - x0) / (x1 - x0);
      for (let i = 0; i < 16; i++) {
        const t = (low + high) / 2;
        if (1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t ** 3 < goal) low = t;
        else high = t;
      }
      let best = null;
      let least = 7;
      for (const [k, y1] of to.ys.entries()) {
        for (const [j, y0] of from.ys.entries()) {
          const far = Math.abs(bend(y0, y1, low) - y);
          if (far < least) [best, least] = [{ layer: l, to: k, from: j + 1 }, far];
        }
      }
      return best;
    }
    return null;
  }

  weight({ layer, to, from }) {
    const array = this.frame?.arrays[`theta${layer}`];
    return array ? array.data[to * array.shape[1] + from] : null;
  }

  linkName({ layer, to, from }) {
    return from === 0
      ? `bias of ${this.shortName(layer, to)}`
      : `${this.shortName(layer - 1, from - 1)} → ${this.shortName(layer, to)}`;
  }

  point(event) {
    const inside = event && !event.target.closest(".controls");
    const frame = this.stage.getBoundingClientRect();
    const found =
      inside && this.frame && !event.target.closest(".unit")
        ? this.nearest(event.clientX - frame.left, event.clientY - frame.top)
        : null;
    const changed = JSON.stringify(found) !== JSON.stringify(this.hot);
    this.hot = found;
    this.stage.classList.toggle("on-link", Boolean(found));
    this.on.tip(found && `${this.linkName(found)}: ${show(this.weight(found))}`, event?.clientX, event?.clientY);
    if (changed && this.frame) this.paintLinks(palette());
  }

  click(event) {
    if (event.target.closest("button, select")) return;
    const frame = this.stage.getBoundingClientRect();
    const found = this.frame && this.nearest(event.clientX - frame.left, event.clientY - frame.top);
    if (found) this.on.edit(found);
  }

  peek(unit) {
    const last = this.columns.length - 1;
    if (!unit || unit.l === last) return this.on.peek(null);
    return this.on.peek({
      ...unit,
      name: unit.l === 0 ? `Input ${this.shortName(0, unit.k)}` : `Hidden ${unit.l}, unit ${unit.k + 1}`,
    });
  }
}
