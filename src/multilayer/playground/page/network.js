// The drawing of the network: a small picture for each unit, a line for each weight.

import { palette } from "./colour.js";
import { layerControls } from "./layer.js";
import { layOut, MOST } from "./layout.js";
import { Names } from "./names.js";
import { paintUnit } from "./plane.js";
import { cut, make, range, show } from "./words.js";

const DASHES = [5, 3.5];
const NONE = [];
const DIM = 0.12; // opacity of the lines that a step of the walk does not use

/** Height on the curve from (x0, y0) to (x1, y1) at share t of the way across. */
const bend = (y0, y1, t) => y0 + (y1 - y0) * t * t * (3 - 2 * t);

/** Cuts a label that has no room for all of its name, with an ellipsis; the whole name is its title. */
function fit(label) {
  const whole = label.title.replace(/[_/]/g, "$&\u200b"); // where a line may break
  label.textContent = whole;
  let most = Math.min(whole.length, 60);
  while (label.scrollHeight > label.clientHeight + 3 && most > 1) label.textContent = cut(whole, --most);
}

export class NetworkView {
  /**
   * stage, canvas, list: of the units, the lines, the controls that have no room above their layers;
   * on: units(layer, by), activation(layer, name), peek(unit or null), edit(place), tip(text or null, x, y)
   */
  constructor(stage, canvas, list, on) {
    Object.assign(this, {
      stage,
      canvas,
      list,
      on,
      context: canvas.getContext("2d"),
      columns: [],
      paths: new Map(),
      shape: "",
      hot: null,
      lit: null,
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
    const key = JSON.stringify([
      this.sizes,
      this.state.settings.activation,
      this.state.inputs,
      this.state.classes,
      this.state.target,
    ]);
    if (key === this.built) return;
    this.built = key;
    this.names = new Names(this.state, this.sizes);
    const focused = this.remember();
    for (const column of this.columns) column.element.remove();
    this.list.replaceChildren();
    this.columns = this.sizes.map((size, l) => {
      const kind = this.names.kind(l);
      const hidden = kind === "hidden";
      const element = make("div", {
        class: hidden ? "column layer" : `column ${kind}`,
        role: "group",
        "data-layer": hidden ? l : null,
        "data-column": l,
        "aria-label": this.names.layer(l),
      });
      const controls = hidden
        ? layerControls(l, size, this.state.settings.activation[l - 1], this.activations, this.on)
        : null;
      element.append(make("p", { class: "layer-name" }, this.names.column(l)));
      const units = range(Math.min(size, MOST)).map((k) => this.unit(l, k, element));
      if (size > MOST) element.append(make("p", { class: "more" }, `and ${size - MOST} more`));
      this.stage.append(element);
      return { element, controls, units, kind };
    });
    this.lit = null;
    this.stage.classList.remove("walked");
    this.layOut();
    const again = focused && this.stage.closest("section").querySelector(focused.place);
    if (!again) return;
    if (focused.typed !== null) again.value = focused.typed;
    again.focus();
  }

  /** What has the focus, and what is being typed there, for after the layers are built anew. */
  remember() {
    const active = document.activeElement;
    const layer = active?.closest?.(".column, .layer");
    if (!layer) return null;
    const column = layer.dataset.column ?? layer.dataset.layer;
    const unit =
      active.dataset.unit === undefined ? `.${active.className.split(" ")[0]}` : `[data-unit="${active.dataset.unit}"]`;
    const typed = active.matches(".units-count") && active.value !== active.defaultValue ? active.value : null;
    return { place: `[data-column="${column}"] ${unit}, .layer[data-layer="${column}"] ${unit}`, typed };
  }

  unit(l, k, parent) {
    const canvas = make("canvas", { width: 40, height: 40, "aria-hidden": "true" });
    const button = make(
      "button",
      { type: "button", class: "unit", "data-unit": k, "aria-label": this.names.unit(l, k) },
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
    const value = make("span", { class: "value", hidden: true });
    parent.append(value);
    const text = this.names.label(l, k);
    const label = text === null ? null : make("span", { class: "unit-label", title: text }, text);
    if (label) parent.append(label);
    return { button, context: canvas.getContext("2d"), label, value };
  }

  /** What a step of the walk computes: {columns, links, values, link}, or null where there is no walk. */
  highlight(lit) {
    this.lit = lit;
    this.stage.classList.toggle("walked", lit !== null);
    this.columns.forEach(({ element, units }, l) => {
      element.classList.toggle("lit", lit?.columns.has(l) ?? false);
      element.classList.toggle("used", l in (lit?.values ?? {}) && !lit.columns.has(l));
      units.forEach(({ value }, k) => {
        const number = lit?.values[l]?.[k];
        value.hidden = number === undefined;
        if (number !== undefined) value.textContent = show(number, 2);
      });
    });
    if (this.frame && this.box) this.paintLinks(palette());
  }

  layOut() {
    if (!this.columns.length) return;
    const labels = (kind) => this.columns.find((column) => column.kind === kind).units.map(({ label }) => label.title);
    const box = layOut(
      this.sizes,
      { inputs: labels("inputs"), outputs: labels("outputs") },
      this.stage.parentElement.clientWidth - 12,
    );
    const { width, height, size } = box;
    this.box = { ...box, ratio: devicePixelRatio || 1 };
    this.stage.style.width = `${width}px`;
    this.stage.style.height = `${height}px`;
    this.stage.style.setProperty("--lines", box.lines);
    [this.canvas.width, this.canvas.height] = [Math.round(width * this.box.ratio), Math.round(height * this.box.ratio)];
    this.paths.clear();
    this.columns.forEach((column, l) => {
      Object.assign(column, box.columns[l]);
      column.element.style.left = `${column.x - 52}px`;
      column.units.forEach(({ button, label, value }, k) => {
        const y = column.ys[k];
        button.style.top = `${y - size / 2}px`;
        button.style.width = button.style.height = `${size}px`;
        value.style.top = `${y + size / 2}px`;
        if (!label) return;
        label.style.top = `${y}px`;
        label.style[column.kind === "inputs" ? "right" : "left"] = `${52 + size / 2 + 6}px`;
        label.style.width = `${box.labels[column.kind]}px`;
        fit(label);
      });
    });
    this.placeControls();
    if (this.frame) this.paint();
  }

  /** Above their layers, or in a list where there is no room for them. */
  placeControls() {
    const { compact } = this.box;
    if (!compact) this.list.replaceChildren();
    this.list.hidden = !compact;
    this.stage.classList.toggle("compact", compact);
    this.columns.forEach(({ controls, element }, l) => {
      if (!controls) return;
      if (!compact) {
        if (controls.parentElement !== element) element.prepend(controls);
        return;
      }
      if (this.list.contains(controls)) return;
      this.list.append(
        make(
          "div",
          { class: "layer", "data-layer": l },
          make("span", { class: "label" }, this.names.layer(l)),
          controls,
        ),
      );
    });
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
    const { lit } = this;
    const is = (link, { layer, to, from }) => link?.layer === layer && link.to === to && link.from === from;
    this.eachLink((link, w, share, path) => {
      const near = is(hot, link) || is(lit?.link, link);
      const dim = lit && !near && !lit.links.has(link.layer);
      if (!paths.has(path)) paths.set(path, new Path2D(path));
      c.globalAlpha = near ? 1 : dim ? DIM : 0.3 + 0.7 * Math.sqrt(share);
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
    this.on.tip(found && `${this.names.link(found)}: ${show(this.weight(found))}`, event?.clientX, event?.clientY);
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
      name: unit.l === 0 ? `Input ${this.names.short(0, unit.k)}` : `Hidden ${unit.l}, unit ${unit.k + 1}`,
    });
  }
}
