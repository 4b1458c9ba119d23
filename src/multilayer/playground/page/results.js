// What the run has come to: numbers, curves, confusion, advice, and the way back through it.

import { Curve } from "./curves.js";
import { $, make, named, places, show, steady, write } from "./words.js";

const costs = new Curve($("cost-curve"), "Cost");
const scores = new Curve($("score-curve"), "Accuracy", true);

let send = () => {};
let apply = () => {};
let moments = [];
let confusionBuilt = "";
let adviceBuilt = "";

export function startResults(on) {
  ({ send, apply } = on);
  $("log").addEventListener("change", () => {
    costs.log = scores.log = $("log").checked;
    redrawCurves();
  });
  let asked = null;
  let pending = false;
  $("history").addEventListener("input", () => {
    asked = Number($("history").value);
    if (pending) return;
    pending = true;
    setTimeout(() => {
      pending = false;
      send({ do: "history", at: asked >= moments.length - 1 ? null : asked });
    }, 60);
  });
}

export function resultsState(state) {
  const { unit } = state;
  const regression = state.task === "regression";
  const target = state.target ?? "y";
  write($("cost-name"), unit ? "Cost (standardised)" : "Cost");
  $("rmse-box").hidden = !regression;
  $("rmse-name").title = `Root mean squared error, in the units of ${target}`;
  $("units").hidden = !unit;
  if (unit)
    write(
      $("units"),
      `The network is trained on the standardised target, (${target} − ${signed(unit[0])}) / ${show(unit[1])}, and the ` +
        `cost is that of this number. Predictions and RMSE are in the units of ${target}.`,
    );
  write($("score-name"), regression ? "R²" : "Accuracy");
  scores.title = regression ? "R²" : "Accuracy";
  $("confusion-box").hidden = regression;
  confusionBuilt = "";
}

export function redrawCurves() {
  costs.draw();
  scores.draw();
}

function drawHistory(frame) {
  const slider = $("history");
  moments = frame.moments ?? [];
  const shown = frame.shown ?? null;
  slider.max = String(Math.max(0, moments.length - 1));
  if (document.activeElement !== slider || frame.playing) slider.value = String(shown ?? moments.length - 1);
  const text = shown === null ? "now" : `epoch ${places(moments[shown])}`;
  write($("history-text"), text);
  slider.setAttribute("aria-valuetext", text);
}

function drawConfusion(counts, classes) {
  const table = $("confusion");
  if (!counts) return;
  const key = classes.join("\u0000");
  if (key !== confusionBuilt) {
    confusionBuilt = key;
    table.replaceChildren(
      make("caption", {}, "Test rows: true class ↓, predicted →"),
      make(
        "thead",
        {},
        make("tr", {}, make("td"), ...classes.map((name) => make("th", { scope: "col", title: name }, name))),
      ),
      make(
        "tbody",
        {},
        ...classes.map((name, i) =>
          make(
            "tr",
            {},
            make("th", { scope: "row", title: name }, name),
            ...classes.map((_, j) => make("td", { class: i === j ? "right-cell" : "" })),
          ),
        ),
      ),
    );
  }
  counts.forEach((row, i) => {
    const all = row.reduce((a, b) => a + b, 0) || 1;
    row.forEach((count, j) => {
      const cell = table.tBodies[0]?.rows[i]?.cells[j + 1];
      if (!cell || cell.textContent === String(count)) return;
      cell.textContent = count;
      cell.style.setProperty("--share", (count / all).toFixed(3));
    });
  });
}

function drawAdvice(advice) {
  const key = JSON.stringify(advice);
  if (key === adviceBuilt) return;
  adviceBuilt = key;
  $("advice").replaceChildren(
    ...advice.map(({ say, mend }) =>
      make(
        "div",
        { class: "tip-line" },
        make("p", {}, say),
        mend ? make("button", { type: "button", onclick: () => apply(mend) }, mendText(mend)) : "",
      ),
    ),
  );
}

const signed = (v) => (v < 0 ? `(${show(v)})` : show(v));
const mendText = (mend) =>
  `Set ${Object.entries(mend)
    .map(([key, value]) => `${named(key)} to ${Array.isArray(value) ? value.map(named).join(", ") : named(value)}`)
    .join(", ")}`;

export function drawResults(frame, state) {
  write($("cost"), steady(frame.cost, 4));
  write($("test-cost"), steady(frame.test_cost, 4));
  write($("score"), steady(frame.score));
  write($("test-score"), steady(frame.test_score));
  write($("rmse"), show(frame.rmse, 4));
  write($("test-rmse"), show(frame.test_rmse, 4));
  const { curve } = frame;
  const at = frame.shown === null || frame.shown === undefined ? null : frame.moments[frame.shown];
  if (curve) {
    costs.draw({ epochs: curve.epoch, training: curve.cost, test: curve.test_cost, at });
    scores.draw({ epochs: curve.epoch, training: curve.score, test: curve.test_score, at });
  }
  drawHistory(frame);
  if (state.task === "classification") drawConfusion(frame.confusion, state.classes);
  drawAdvice(frame.advice ?? []);
}
