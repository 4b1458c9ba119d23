// Data of one's own: a table uploaded or dropped, rows pasted, points drawn with mouse or finger.

import { CLASSES, css } from "./colour.js";
import { swatch } from "./drawing.js";
import { door } from "./socket.js";
import { $, make, write } from "./words.js";

/** Rows of text to [[x1, x2, class], …]; says what is wrong by an Error. */
export function parseRows(text, regression = false) {
  const names = new Map();
  const points = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const cells = line
      .trim()
      .split(/[,;\t]\s*|\s+/)
      .filter((cell) => cell !== "");
    if (!cells.length) continue;
    const [x, y] = cells.slice(0, 2).map(Number);
    if (cells.length < 3 || !Number.isFinite(x) || !Number.isFinite(y)) {
      if (points.length === 0 && i === 0) continue; // a line of names
      throw new Error(`Line ${i + 1} must be two numbers and a class, such as 0.5, 1.2, 0, but is “${line.trim()}”.`);
    }
    let label = Number(cells[2]);
    if (!regression && (!Number.isInteger(label) || label < 0)) {
      if (!names.has(cells[2])) names.set(cells[2], names.size);
      label = names.get(cells[2]);
    }
    points.push([x, y, label]);
  }
  if (points.length < 2) throw new Error("At least two rows are needed.");
  return points;
}

/** on: send(message), set(settings), wrong(text), uploaded(), state(): the last state, picture */
export function startOwn(on) {
  uploads(on);
  pastes(on);
  return new Pen(on);
}

function uploads({ set, wrong, uploaded }) {
  async function upload(file) {
    if (!file) return;
    if (file.size > 50 * 2 ** 20)
      return wrong(`A file may have 50 MB, but ${file.name} has ${Math.ceil(file.size / 2 ** 20)} MB.`);
    const button = document.querySelector("label[for=upload]");
    write(button, "Reading…");
    try {
      const answer = await fetch(door("upload"), {
        method: "POST",
        body: file,
        headers: { "X-Name": encodeURIComponent(file.name), "Content-Type": "application/octet-stream" },
      });
      const table = await answer.json().catch(() => ({}));
      if (!answer.ok) return wrong(table.error ?? `The server refused the file (HTTP ${answer.status})`);
      uploaded();
      set({ data: "table", target: table.target });
    } catch {
      wrong("The table could not be sent: the server does not answer.");
    } finally {
      write(button, "Open a table…");
    }
  }
  $("upload").addEventListener("change", ({ target }) => {
    upload(target.files[0]);
    target.value = "";
  });
  const cover = $("drop");
  let inside = 0;
  addEventListener("dragenter", (event) => {
    if (event.dataTransfer?.types.includes("Files")) {
      inside++;
      cover.hidden = false;
    }
  });
  addEventListener("dragleave", () => {
    inside = Math.max(0, inside - 1);
    cover.hidden = inside === 0;
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    cover.hidden = true;
    upload(event.dataTransfer.files[0]);
  });
}

function pastes({ send, state }) {
  $("paste").addEventListener("click", () => {
    $("paste-wrong").textContent = "";
    $("paste-dialog").showModal();
  });
  $("paste-use").addEventListener("click", () => {
    try {
      send({
        do: "points",
        points: parseRows($("paste-text").value, state()?.settings.data === "points" && state().task === "regression"),
      });
      $("paste-dialog").close();
    } catch (error) {
      $("paste-wrong").textContent = error.message;
    }
  });
}

const STEP = 9; // pixels between points of one stroke

class Pen {
  constructor(on) {
    Object.assign(this, { on, active: false, label: 0, strokes: [], last: null });
    $("draw").addEventListener("click", () => this.turn(!this.active));
  }

  turn(active) {
    this.active = active;
    $("draw").setAttribute("aria-pressed", String(active));
    const { canvas } = this.on.picture;
    canvas.classList.toggle("drawing", active);
    $("pen").hidden = !active;
    if (!active) return;
    const state = this.on.state();
    const { points } = state;
    // what is on the picture is kept, and drawn on
    const start =
      state.columns.length === 2 && state.task === "classification"
        ? points.x.map((x, i) => [x, points.y[i], points.label[i]])
        : [];
    this.strokes = start.length ? [start] : [];
    this.controls();
    canvas.scrollIntoView({ block: "nearest" });
  }

  controls() {
    const choose = (k) =>
      make(
        "label",
        { class: "chip" },
        make("input", {
          type: "radio",
          name: "pen-class",
          value: k,
          checked: k === this.label,
          onchange: () => {
            this.label = k;
          },
        }),
        make("span", {}, swatch(k), ` class ${k}`),
      );
    $("pen").replaceChildren(
      make("p", {}, "Draw with mouse or finger:"),
      ...[0, 1, 2, 3, 4].map(choose),
      make(
        "button",
        {
          type: "button",
          onclick: () => {
            this.strokes.pop();
            this.send();
          },
        },
        "Undo",
      ),
      make(
        "button",
        {
          type: "button",
          onclick: () => {
            this.strokes = [];
          },
        },
        "Start empty",
      ),
      make("button", { type: "button", class: "primary", onclick: () => this.turn(false) }, "Done"),
    );
  }

  /** Pointer events of the picture; true where the pen has used them. */
  handle(event) {
    if (!this.active) return false;
    const { picture } = this.on;
    if (event.type === "pointerdown") {
      picture.canvas.setPointerCapture(event.pointerId);
      this.strokes.push([]);
      this.last = null;
    } else if (event.type === "pointerup" || event.type === "pointercancel") {
      this.last = null;
      this.send();
      return true;
    } else if (!event.buttons) return true;
    const at = picture.locate(event.offsetX, event.offsetY);
    const far = this.last ? Math.hypot(event.offsetX - this.last[0], event.offsetY - this.last[1]) : Infinity;
    if (!at || far < STEP || !this.strokes.length) return true;
    this.last = [event.offsetX, event.offsetY];
    this.strokes.at(-1).push([at.x, at.y, this.label]);
    this.dot(event.offsetX, event.offsetY);
    return true;
  }

  /** Shown at once; the next picture of the server has it too. */
  dot(x, y) {
    const c = this.on.picture.rows.getContext("2d");
    c.fillStyle = css(CLASSES[this.label]);
    c.beginPath();
    c.arc(x, y, 3.4, 0, 7);
    c.fill();
    this.on.picture.draw();
  }

  send() {
    const points = this.strokes.flat();
    if (points.length >= 2) this.on.send({ do: "points", points });
  }
}
