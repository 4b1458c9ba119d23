// The wiring: what the server says goes to the parts of the page, what a person does goes to the server.

import { write as address, read } from "./address.js";
import { Picture } from "./boundary.js";
import { whenThemeChanges } from "./colour.js";
import { WeightForm } from "./edit.js";
import { startKeys, startTheme } from "./keys.js";
import { drawLegend } from "./legend.js";
import { NetworkView } from "./network.js";
import { startOwn } from "./own.js";
import { startPointing } from "./pointing.js";
import { drawResults, redrawCurves, resultsState, startResults } from "./results.js";
import { addUnits, answered, set, setActivation, settingsState, setUnits, startSettings } from "./settings.js";
import { showPython, startShare } from "./share.js";
import { connect } from "./socket.js";
import { TargetChoice } from "./target.js";
import { Walk } from "./walk.js";
import { $, places, sentence, steady, write } from "./words.js";

const STATUS = { running: "training", paused: "paused", diverged: "diverged", converged: "converged" };

let state = null;
let frame = null;
let choices = null;
let peeked = null;
const spent = [];

const picture = new Picture($("picture"));
const compared = new Picture($("compared"));
const view = new NetworkView($("stage"), $("links"), $("layers"), {
  units: addUnits,
  size: setUnits,
  activation: setActivation,
  peek,
  edit: (place) => form.show(place),
  tip,
});
const send = (message) => line.send(message);
const form = new WeightForm($("edit"), view, send);
const walk = new Walk({ send, view, state: () => state, frame: () => frame, mark });
const targets = new TargetChoice({ set });
const pen = startOwn({ send, set, wrong, uploaded: () => targets.forget(), picture, state: () => state });

// The page is tried with a hash at once; what is typed into the address later loads it too.
const wanted = read(location.hash);
let written = location.hash;
const line = connect({
  hello,
  state: setState,
  frame: draw,
  wrong: (refusal) => {
    answered();
    walk.refused();
    if (refusal.columns) {
      targets.offer(refusal);
      if (state) settingsState(state);
    } else wrong(refusal.message);
  },
  example: (message) => walk.show(message),
  python: ({ code }) => showPython(code),
  table: (table) => {
    state = { ...state, table };
    settingsState(state);
  },
  closed,
});

function ask({ settings, points }) {
  if (points) send({ do: "points", points });
  if (Object.keys(settings).length) send({ do: "set", settings });
}

function hello(message) {
  ({ choices } = message);
  startSettings(choices, send);
  // who wants less motion gets a slow start
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) $("speed").value = "5";
  speed();
  if (wanted) ask(wanted);
}

function setState(next) {
  answered();
  state = next;
  picture.setState(state);
  compared.setState(state);
  settingsState(state);
  resultsState(state);
  if (choices) view.setState(state, choices.activation);
  walk.setState(state);
  targets.setState(state);
  if ($("note").textContent !== (state.note ?? "")) $("note").textContent = state.note ?? "";
  $("note").hidden = !state.note;
  $("wrong").hidden = true;
  drawLegend(state, frame?.range);
  picture.draw();
  written = address(state);
  if (written !== location.hash) history.replaceState(null, "", written);
}

function speed() {
  const [, steps, rate] = $("speed").value.match(/^(steps )?(.*)$/);
  send({ do: "speed", [steps ? "steps" : "epochs"]: Number(rate) });
}

/** One picture of the server. */
function draw(next) {
  const from = performance.now();
  frame = next;
  if (!state) return;
  const { output, compared: beside } = frame.arrays;
  if (state.task === "regression") {
    picture.setRange(frame.range);
    compared.setRange(frame.range);
    drawLegend(state, frame.range);
  }
  view.draw(frame);
  picture.draw(output);
  beneath(beside);
  form.follow();
  drawResults(frame, state);
  drawBar();
  walk.follow();
  spent.push(performance.now() - from);
  if (spent.length > 200) spent.shift();
}

function beneath(beside) {
  const figure = $("compared-figure");
  if (figure.hidden === Boolean(beside)) {
    figure.hidden = !beside;
    document.body.classList.toggle("comparing", Boolean(beside));
    $("compare").checked = Boolean(beside);
  }
  if (!beside) return;
  compared.draw(beside);
  const { layers, test_score: score } = frame.compared ?? {};
  write($("compared-text"), `for comparison: ${layers ?? "this network"}, test ${steady(score)}`);
}

let told = 0;

function drawBar() {
  write($("epoch"), places(frame.epoch));
  write(
    $("per-second"),
    frame.playing && frame.per_second
      ? `${frame.per_second >= 10 ? Math.round(frame.per_second) : steady(frame.per_second, 1)} epochs/s`
      : "",
  );
  write(
    $("status"),
    frame.shown !== null && frame.shown !== undefined ? "viewing history" : (STATUS[frame.status] ?? frame.status),
  );
  $("status").dataset.status = frame.status;
  const play = $("play");
  if (play.getAttribute("aria-pressed") !== String(frame.playing)) {
    play.setAttribute("aria-pressed", String(frame.playing));
    play.querySelector(".word").textContent = frame.playing ? "Pause" : "Play";
  }
  // the words for those who cannot see the picture: often enough, and not with every picture
  const now = performance.now();
  if (now - told > 1000 || !frame.playing) {
    told = now;
    picture.canvas.setAttribute("aria-label", caption());
    for (const [id, name, a, b] of [
      ["cost-curve", "Cost", frame.cost, frame.test_cost],
      ["score-curve", state.task === "regression" ? "R²" : "Accuracy", frame.score, frame.test_score],
    ]) {
      $(id).setAttribute("aria-label", `${name} over ${frame.epoch} epochs: training ${steady(a)}, test ${steady(b)}`);
    }
  }
}

function caption() {
  const score = state.task === "regression" ? "R²" : "accuracy";
  const [training, test] = [steady(frame?.score), steady(frame?.test_score)];
  return `${state.settings.data}, epoch ${frame?.epoch ?? 0}: training ${score} ${training}, test ${score} ${test}`;
}

function peek(unit) {
  peeked = unit;
  picture.peek =
    unit && frame?.arrays[`unit${unit.l}`]
      ? () => {
          const array = frame.arrays[`unit${unit.l}`];
          return array && unit.k < array.shape[0] ? { array, index: unit.k } : null;
        }
      : null;
  write($("picture-head"), unit ? unit.name : "Prediction");
  $("picture-head").title = unit ? unit.name : "";
  picture.draw();
}

/** Rings a point of the plane, or none. */
function mark(point) {
  $("followed").hidden = point === null;
  if (point === null) return;
  const [x, y] = picture.place(...point);
  $("followed").style.left = `${(100 * x) / picture.box.width}%`;
  $("followed").style.top = `${(100 * y) / picture.box.height}%`;
}

function tip(text, x, y) {
  const box = $("tip");
  box.hidden = !text;
  if (!text) return;
  write(box, text);
  box.style.left = `${Math.min(innerWidth - box.offsetWidth - 8, x + 14)}px`;
  box.style.top = `${y + 14}px`;
}

function wrong(message) {
  $("wrong").hidden = !message;
  write($("wrong-text"), message ? sentence(message) : "");
  $("wrong-close").hidden = false;
  if (state) settingsState(state);
}

function closed(over) {
  const box = $("wrong");
  box.hidden = false;
  $("wrong-text").textContent =
    over ?? "The connection to the server is lost. If the server has ended, start it again.";
  $("wrong-close").hidden = true;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Reconnect";
  again.addEventListener("click", () => location.reload());
  box.querySelector("button:not(#wrong-close)")?.remove();
  box.append(again);
  write($("status"), "not connected");
  document.body.classList.add("gone");
}

/** Follows a row through the network: one of the points drawn, or where `index` is null the last one or the first. */
function follow(index) {
  const rows = state?.points.row ?? [];
  if (rows.length) walk.start(index === null ? (walk.latest(rows) ?? { row: rows[0] }) : { row: rows[index] });
}

$("play").addEventListener("click", () => send({ do: frame?.playing ? "pause" : "play" }));
$("epoch-once").addEventListener("click", () => send({ do: "epoch" }));
$("step-once").addEventListener("click", () => send({ do: "step" }));
$("reset").addEventListener("click", () => send({ do: "reset" }));
$("speed").addEventListener("change", speed);
$("show-test").addEventListener("change", () => {
  picture.showTest($("show-test").checked);
  compared.showTest($("show-test").checked);
});
$("compare").addEventListener("change", ({ target }) => send({ do: "compare", on: target.checked }));
$("walk").addEventListener("click", () => follow(null));
$("more").addEventListener("click", () =>
  $("more").setAttribute("aria-expanded", String($("bar").classList.toggle("open"))),
);
$("wrong-close").addEventListener("click", () => {
  $("wrong").hidden = true;
});
$("help").addEventListener("click", () => $("help-dialog").showModal());
for (const dialog of document.querySelectorAll("dialog")) {
  // a click beside a dialog closes it
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
addEventListener("hashchange", () => {
  if (location.hash === written) return;
  const asked = read(location.hash);
  if (asked) ask(asked);
});

startPointing({
  picture,
  pen,
  state: () => state,
  free: () => peeked === null,
  follow,
  place: ({ x, y }) => walk.start({ x: [x, y] }),
});
startResults({ send, apply: set });
startShare({ send, wrong, picture, view, caption, opened: setState, state: () => state, ask });
startTheme();
startKeys();
whenThemeChanges(() => {
  picture.layRows();
  compared.layRows();
  picture.draw();
  compared.draw();
  if (frame) view.paint();
  redrawCurves();
  if (state) drawLegend(state, frame?.range, true);
});

// for measuring: milliseconds of the last pictures
globalThis.playground = { spent };
