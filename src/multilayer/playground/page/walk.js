// Step by step: one row followed through the network, a step at a time, while the drawing shows where.

import { stepsOf } from "./steps.js";
import { $, make, write } from "./words.js";

const KEYS = { ArrowLeft: -1, ArrowRight: 1 };
const OWN_ARROWS = "input, select, textarea, canvas, [contenteditable]";

/** on: send(message), view: the drawing, state(), frame(), mark(a point of the plane or null) */
export class Walk {
  constructor(on) {
    Object.assign(this, {
      on,
      panel: $("walk-panel"),
      asked: null,
      last: null,
      at: 0,
      steps: [],
      key: "",
      opener: null,
    });
    $("walk-back").addEventListener("click", () => this.step(-1));
    $("walk-next").addEventListener("click", () => this.step(1));
    $("walk-close").addEventListener("click", () => this.close());
    $("row-before").addEventListener("click", () => this.another(-1));
    $("row-after").addEventListener("click", () => this.another(1));
    addEventListener("keydown", (event) => this.press(event));
  }

  get open() {
    return this.asked !== null;
  }

  /** Follows a row, {row}, or a point of the plane, {x}. */
  start(asked) {
    if (!this.open) {
      this.opener = document.activeElement;
      this.at = 0;
    }
    if (this.on.frame()?.playing) this.on.send({ do: "pause" });
    this.ask(asked);
  }

  /** The row that was followed last, where the data still have it. */
  latest(rows) {
    return rows.includes(this.last?.row) ? this.last : null;
  }

  /** The server refused something: if it was the example, no walk begins. */
  refused() {
    if (this.panel.hidden) this.asked = null;
  }

  ask(asked) {
    this.asked = this.last = asked;
    this.key = this.moment();
    this.on.send({ do: "example", ...asked });
  }

  /** What the numbers depend on, besides the row. */
  moment() {
    const { epoch, cost, shown } = this.on.frame() ?? {};
    return `${epoch} ${cost} ${shown}`;
  }

  another(by) {
    const { row } = this.on.state().points;
    const place = row.indexOf(this.asked?.row);
    if (place >= 0) this.ask({ row: row[(place + by + row.length) % row.length] });
  }

  /** The server's answer. */
  show(message) {
    if (!this.open) return;
    const state = this.on.state();
    this.steps = stepsOf(message, state);
    this.data = this.kindOf(state);
    const fresh = this.panel.hidden;
    this.panel.hidden = false;
    document.body.classList.add("walking");
    const isRow = this.asked.row !== undefined;
    write($("walk-row"), isRow ? `Row ${this.asked.row + 1}` : "A point of the plane");
    for (const id of ["row-before", "row-after"]) $(id).hidden = !isRow;
    const { points } = state;
    const place = points.row.indexOf(this.asked.row);
    this.on.mark(isRow ? [points.x[place], points.y[place]] : this.asked.x);
    this.draw();
    if (!fresh) return;
    this.panel.focus({ preventScroll: true });
    const narrow = matchMedia("(max-width: 820px)").matches;
    (narrow ? $("stage-scroll") : $("network-card")).scrollIntoView({ block: narrow ? "start" : "nearest" });
  }

  kindOf(state) {
    const { data, data_seed: seed } = state.settings;
    return JSON.stringify([data, seed, state.target, state.inputs, state.sizes, state.rows]);
  }

  draw() {
    this.at = Math.min(this.at, this.steps.length - 1);
    const step = this.steps[this.at];
    const phases = [...new Set(this.steps.map(({ phase }) => phase))];
    $("walk-phases").replaceChildren(
      ...phases.map((phase) =>
        make(
          "li",
          {},
          make(
            "button",
            {
              type: "button",
              "aria-current": phase === step.phase ? "step" : null,
              onclick: () => this.go(this.steps.findIndex((one) => one.phase === phase)),
            },
            phase,
          ),
        ),
      ),
    );
    write($("walk-title"), step.title);
    write($("walk-count"), `Step ${this.at + 1} of ${this.steps.length}`);
    $("walk-body").replaceChildren(...step.body());
    $("walk-body").scrollTop = 0;
    $("walk-back").disabled = this.at === 0;
    $("walk-next").disabled = this.at === this.steps.length - 1;
    this.on.view.highlight(step.lit);
  }

  go(at) {
    if (at < 0 || at >= this.steps.length || at === this.at) return;
    const held = this.panel.contains(document.activeElement);
    this.at = at;
    this.draw();
    // a button that was pressed may be disabled or replaced now
    if (held && (document.activeElement === document.body || document.activeElement.disabled)) this.panel.focus();
  }

  step(by) {
    this.go(this.at + by);
  }

  press(event) {
    if (!this.open || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && $("edit").hidden) this.close();
    else if (KEYS[event.key] && !event.target.matches?.(OWN_ARROWS)) {
      event.preventDefault();
      this.step(KEYS[event.key]);
    }
  }

  /** At each picture: once training pauses, the numbers are those of the network as it is now. */
  follow() {
    if (!this.open || this.panel.hidden) return;
    const stale = this.key !== this.moment();
    const { playing } = this.on.frame();
    $("walk-stale").hidden = !(stale && playing);
    if (stale && !playing) this.ask(this.asked);
  }

  /** At each state: other data or another network ends the walk. */
  setState(state) {
    if (!this.open || this.panel.hidden) return;
    if (this.data !== this.kindOf(state)) this.close();
    else this.ask(this.asked);
  }

  close() {
    if (!this.open) return;
    const held = this.panel.contains(document.activeElement);
    this.asked = null;
    this.panel.hidden = true;
    document.body.classList.remove("walking");
    this.on.view.highlight(null);
    this.on.mark(null);
    if (held) (this.opener?.isConnected && this.opener !== document.body ? this.opener : $("walk")).focus();
  }
}
