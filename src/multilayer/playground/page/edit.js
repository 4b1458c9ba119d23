// Weights by hand: a small form with the bias and the incoming weights of one unit.

import { make } from "./words.js";

const MOST = 40;

export class WeightForm {
  constructor(form, view, send) {
    Object.assign(this, { form, view, send, open: null });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.close();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    // a press beside it closes it
    document.addEventListener("pointerdown", (event) => {
      if (!form.contains(event.target)) this.close(false);
    });
  }

  close(back = true) {
    if (!this.open) return;
    const { layer, to } = this.open;
    this.open = null;
    this.form.hidden = true;
    if (!back) return;
    this.view.stage.querySelector(`[data-column="${layer}"] [data-unit="${to}"]`)?.focus();
  }

  /** place: {layer, to} of a unit, and {from} where one line was clicked */
  show(place) {
    const across = this.view.frame?.arrays[`theta${place.layer}`]?.shape[1];
    if (!across) return;
    this.open = place;
    const { view } = this;
    const title = view.names.unit(place.layer, place.to);
    const fields = Array.from({ length: Math.min(across, MOST) }, (_, from) => {
      const at = { ...place, from };
      const name = from === 0 ? "bias" : `from ${view.names.short(place.layer - 1, from - 1)}`;
      const input = make("input", { type: "number", step: "0.1", value: Number(view.weight(at).toPrecision(4)) });
      input.addEventListener("input", () => {
        if (Number.isFinite(input.valueAsNumber))
          this.send({ do: "weight", layer: at.layer, to: at.to, from, value: input.valueAsNumber });
      });
      return { input, label: make("label", { class: "row" }, make("span", {}, name), input) };
    });
    this.fields = fields;
    this.form.replaceChildren(
      make(
        "div",
        { class: "dialog-head" },
        make("h3", {}, title[0].toUpperCase() + title.slice(1)),
        make("button", { type: "submit", "aria-label": "Close" }, "×"),
      ),
      make("div", { class: "fields" }, ...fields.map(({ label }) => label)),
      across > MOST ? make("p", { class: "faint" }, `and ${across - MOST} more weights`) : "",
    );
    this.form.hidden = false;
    this.place(place);
    const { input } = fields[Math.min(place.from ?? 0, fields.length - 1)];
    input.focus();
    input.select();
  }

  place({ layer }) {
    const { form, view } = this;
    const column = view.columns[layer];
    const card = form.parentElement.getBoundingClientRect();
    const stage = view.stage.getBoundingClientRect();
    const centre = stage.left - card.left + column.x;
    const half = view.box.size / 2 + 14;
    const right = centre + half;
    const left = centre - half - form.offsetWidth;
    const most = card.width - form.offsetWidth - 8;
    form.style.left = `${Math.max(8, right <= most || left < 8 ? Math.min(right, most) : left)}px`;
    form.style.top = `${stage.top - card.top + 40}px`;
  }

  /** While it trains, the numbers that nobody is typing follow. */
  follow() {
    if (!this.open) return;
    if (this.view.weight({ ...this.open, from: 0 }) === null || this.open.layer >= this.view.sizes.length)
      return this.close();
    this.fields.forEach(({ input }, from) => {
      if (input === document.activeElement) return;
      const value = this.view.weight({ ...this.open, from });
      if (value !== undefined && value !== null) input.value = String(Number(value.toPrecision(4)));
    });
  }
}
