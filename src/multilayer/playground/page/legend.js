// What the colours mean: classes by shape and colour, a bar for a probability or a number.

import { palette } from "./colour.js";
import { swatch } from "./drawing.js";
import { $, cut, feature, make, show } from "./words.js";

let built = "";

function bar(colourAt) {
  const canvas = make("canvas", { width: 128, height: 1, class: "colour-bar", "aria-hidden": "true" });
  const c = canvas.getContext("2d");
  for (let i = 0; i < 128; i++) {
    c.fillStyle = colourAt(i / 127);
    c.fillRect(i, 0, 1, 1);
  }
  return canvas;
}

export function drawLegend(state, range, anew = false) {
  const key = JSON.stringify([
    state.task,
    state.classes,
    state.target,
    state.task === "regression" ? range?.map((v) => show(v, 2)) : null,
  ]);
  if (key === built && !anew) return;
  built = key;
  const colours = palette();
  const parts = [];
  if (state.task === "regression") {
    parts.push(
      make("span", { title: state.target ?? "y" }, cut(state.target ?? "y", 40)),
      make("span", {}, show(range?.[0], 2)),
      bar(colours.numberAt),
      make("span", {}, show(range?.[1], 2)),
    );
  } else {
    parts.push(
      ...state.classes.map((name, k) => make("span", { class: "class", title: name }, swatch(k), ` ${cut(name, 40)}`)),
    );
    if (state.classes.length === 2)
      parts.push(
        make(
          "span",
          { class: "bar" },
          make("span", { title: state.classes[1] }, `P(${cut(state.classes[1], 24)}) 0`),
          bar(colours.signedAt),
          make("span", {}, "1"),
        ),
      );
  }
  $("legend").replaceChildren(...parts);
}

/** The value under the pointer, in words. */
export function readout(state, at, value) {
  const place = `${feature(state.axes[0])} ${show(at.x)}, ${feature(state.axes[1])} ${show(at.y)}`;
  if (!value) return place;
  if (state.task === "regression") return `${place}: ${state.target ?? "y"} ${show(value.number)}`;
  if (state.classes.length === 2) return `${place}: P(${state.classes[1]}) = ${value.shares[1].toFixed(2)}`;
  const best = value.shares.indexOf(Math.max(...value.shares));
  return `${place}: ${state.classes[best]}, P = ${value.shares[best].toFixed(2)}`;
}
