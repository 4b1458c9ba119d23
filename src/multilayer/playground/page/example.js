// One row followed through the network: forward to the cost, back to the gradient, and the check.

import { $, make, named, range, show } from "./words.js";

const MOST = 12; // terms of a sum that are written out

const head = (names) => make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name))));

/** z of one unit written out: bias + θ·a + … */
function sum(theta, before, z) {
  const terms = before
    .slice(0, MOST)
    .map(
      (a, j) =>
        `${theta[j + 1] < 0 ? " − " : " + "}${show(Math.abs(theta[j + 1]))} · ${a < 0 ? `(${show(a)})` : show(a)}`,
    );
  return `${show(theta[0])}${terms.join("")}${before.length > MOST ? " + …" : ""} = ${show(z)}`;
}

function forward(layer, before, last) {
  const rows = layer.z.map((z, k) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, k + 1),
      make("td", { class: "sum" }, sum(layer.theta[k], before, z)),
      make("td", {}, show(z)),
      make("td", { class: "strong" }, show(layer.a[k])),
    ),
  );
  return make(
    "section",
    { class: "forward" },
    make("h3", {}, layer.name, make("span", { class: "faint" }, ` ${named(layer.activation)}`)),
    make("p", { class: "equation" }, layer.equation.z),
    make("p", { class: "equation" }, layer.equation.a),
    make(
      "div",
      { class: "wide" },
      make(
        "table",
        {},
        head([last ? "output" : "unit", "z written out: bias + weights · inputs", "z", "a"]),
        make("tbody", {}, ...rows),
      ),
    ),
  );
}

function backward(layer, l) {
  const across = layer.theta[0]?.length ?? 0;
  const shown = Math.min(across, 9);
  const rows = layer.delta.map((delta, k) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, k + 1),
      make("td", { class: "strong" }, show(delta)),
      ...range(shown).map((j) =>
        make("td", { class: layer.gradient[k][j] === 0 ? "nil" : "" }, show(layer.gradient[k][j])),
      ),
    ),
  );
  return make(
    "section",
    {},
    make("h3", {}, layer.name),
    make("p", { class: "equation" }, layer.equation.delta),
    make("p", { class: "equation" }, layer.equation.gradient),
    make(
      "div",
      { class: "wide" },
      make(
        "table",
        {},
        head([
          "unit",
          `δ`,
          ...range(shown).map((j) => (j === 0 ? "∂J/∂bias" : `∂J/∂θ from ${l === 0 ? `input ${j}` : `unit ${j}`}`)),
        ]),
        make("tbody", {}, ...rows),
      ),
    ),
    across > shown ? make("p", { class: "faint" }, `and ${across - shown} more columns`) : "",
  );
}

/** message: what the server says; state: names; another(step): the next or the last row */
export function showExample(message, state, another) {
  const { layers, inputs, check } = message;
  const last = layers.length - 1;
  const kind = state.task === "regression" ? "value" : "class";
  const truth =
    message.truth === null || message.truth === undefined
      ? "no true value: a place of the plane"
      : `true ${kind}: ${typeof message.truth === "number" ? show(message.truth) : message.truth}`;
  const values = [inputs.map(({ value }) => value), ...layers.map(({ a }) => a)];
  const parts = [
    make(
      "form",
      { method: "dialog", class: "dialog-head" },
      make("h2", { id: "example-head" }, "One example, step by step"),
      another
        ? make("button", { type: "button", onclick: () => another(-1), "aria-label": "The row before" }, "‹")
        : "",
      another ? make("button", { type: "button", onclick: () => another(1), "aria-label": "The next row" }, "›") : "",
      make("button", { "aria-label": "Close" }, "×"),
    ),
    make(
      "p",
      { class: "inputs" },
      ...inputs.map(({ name, value }) => make("span", {}, `${name} = `, make("b", {}, show(value)))),
      make("span", {}, truth),
    ),
    make("h3", { class: "way" }, make("span", {}, "1"), "Forward: from the inputs to the output"),
    ...layers.map((layer, l) => forward(layer, values[l], l === last)),
  ];
  if (message.cost !== null && message.cost !== undefined) {
    const penalty = message.penalty ? ` Regularization adds ${show(message.penalty)}.` : "";
    parts.push(
      make("h3", { class: "way" }, make("span", {}, "2"), "The cost of this row"),
      make(
        "p",
        {},
        state.task === "regression"
          ? "Half the squared error: "
          : "Minus the logarithm of the probability given to the true class: ",
        make("b", {}, `J = ${show(message.cost)}.`),
        penalty,
      ),
      make(
        "h3",
        { class: "way" },
        make("span", {}, "3"),
        "Back: how the cost changes with each z (δ) and each weight (gradient)",
      ),
      ...range(layers.length)
        .reverse()
        .map((l) => backward(layers[l], l)),
    );
  }
  if (check) {
    const from = check.from === 0 ? "the bias" : `${check.layer === 1 ? "input" : "unit"} ${check.from}`;
    parts.push(
      make("h3", { class: "way" }, make("span", {}, "4"), "Is it true? The check"),
      make(
        "p",
        {},
        `The weight of layer ${check.layer} from ${from} to unit ${check.to + 1}, moved a little up and a little down: ` +
          `the cost changes by ${show(check.difference, 7)} for each 1; ` +
          `backpropagation says ${show(check.backpropagation, 7)}. ` +
          `The relative difference is ${show(check.error, 2)}.`,
      ),
    );
  }
  const dialog = $("example");
  const at = dialog.scrollTop;
  dialog.replaceChildren(...parts);
  if (!dialog.open) dialog.showModal();
  else dialog.scrollTop = at;
}
