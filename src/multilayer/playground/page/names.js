// What the layers and units of the network are called.

import { feature } from "./words.js";

export class Names {
  /** state: that of the server; sizes: inputs, hidden layers, outputs */
  constructor(state, sizes) {
    Object.assign(this, { state, sizes, last: sizes.length - 1 });
  }

  kind(l) {
    return l === 0 ? "inputs" : l === this.last ? "outputs" : "hidden";
  }

  layer(l) {
    return l === 0 ? "Inputs" : l === this.last ? "Output" : `Hidden layer ${l}`;
  }

  /** What stands above a column. */
  column(l) {
    if (l === 0) return "inputs";
    if (l < this.last) return String(l);
    return this.state.task === "classification" && this.sizes[l] > 1 ? "classes" : "output";
  }

  /** What stands beside a unit, or null. */
  label(l, k) {
    if (l === 0) return feature(this.state.inputs[k] ?? k);
    if (l < this.last) return null;
    const { task, classes, target } = this.state;
    if (task === "regression") return target ?? "y";
    return this.sizes[l] === 1 ? `P(${classes[1] ?? 1})` : String(classes[k] ?? k);
  }

  short(l, k) {
    if (l === 0) return this.label(l, k);
    return l === this.last ? `output ${this.label(l, k)}` : `unit ${k + 1}`;
  }

  unit(l, k) {
    if (l === 0) return `input ${this.label(l, k)}`;
    return l === this.last ? this.short(l, k) : `unit ${k + 1} of hidden layer ${l}`;
  }

  link({ layer, to, from }) {
    return from === 0
      ? `bias of ${this.short(layer, to)}`
      : `${this.short(layer - 1, from - 1)} → ${this.short(layer, to)}`;
  }
}
