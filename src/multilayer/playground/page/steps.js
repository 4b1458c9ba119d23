// The steps of one row: forward layer by layer, the cost, backpropagation layer by layer, the update.

import { make, named, range, show } from "./words.js";

const MOST = 12; // terms of a sum that are written out
const ACROSS = 9; // columns of a table of weights

const head = (names) => make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name))));
const table = (names, rows, kind = null) =>
  make("div", { class: "wide" }, make("table", { class: kind }, head(names), make("tbody", {}, ...rows)));
const row = (name, ...cells) => make("tr", {}, make("th", { scope: "row" }, name), ...cells);
const cell = (text, kind = null) => make("td", { class: kind }, text);
const equation = (text) => make("p", { class: "equation" }, text);
const words = (...parts) => make("p", {}, ...parts);
const strong = (text) => make("b", {}, text);
const signed = (v) => (v < 0 ? `(${show(v)})` : show(v));

/** z of one unit written out: bias + θ·a + … */
function sum(theta, before, z) {
  const terms = before
    .slice(0, MOST)
    .map((a, j) => `${theta[j + 1] < 0 ? " − " : " + "}${show(Math.abs(theta[j + 1]))} · ${signed(a)}`);
  return `${show(theta[0])}${terms.join("")}${theta.length > MOST + 1 ? " + …" : ""} = ${show(z)}`;
}

/** Everything that the steps tell, by the message of the server and the state of the page. */
class Told {
  constructor(message, state) {
    Object.assign(this, message, { state, last: message.layers.length - 1 });
    this.values = [message.inputs.map(({ value }) => value), ...message.layers.map(({ a }) => a)];
    this.regression = state.task === "regression";
    this.target = state.target ?? "y";
  }

  layerName(l) {
    return l === this.last ? "output" : `hidden layer ${l + 1}`;
  }

  unit(l, k) {
    if (l < this.last || this.regression || this.layers[l].a.length === 1) return l < this.last ? k + 1 : "output";
    return this.state.classes[k] ?? k + 1;
  }

  from(l, j) {
    if (j === 0) return "bias";
    return l === 0 ? (this.inputs[j - 1]?.name ?? `input ${j}`) : `unit ${j}`;
  }

  /** The standardisation written out, where the target has one. */
  standardised(value) {
    const [mean, scale] = this.state.unit;
    return `(${show(value)} − ${signed(mean)}) / ${show(scale)}`;
  }
}

function inputs(t) {
  const given = t.inputs.some(({ cell: own }) => own !== undefined);
  const inFile = (own) => (own === null ? "missing" : typeof own === "number" ? show(own) : own);
  const rows = t.inputs.map(({ name, value, cell: own }) =>
    row(name, ...(given ? [cell(inFile(own))] : []), cell(show(value), "strong")),
  );
  const truth =
    t.truth === null
      ? "This point is no row of the data, so it has no true value: the prediction stands in for it."
      : `True ${t.regression ? "value" : "class"} of ${t.target}: `;
  const more = t.n_inputs - t.inputs.length;
  return [
    given
      ? words("Numbers are standardised, (value − mean) / standard deviation; a category is 1 where it holds, else 0.")
      : "",
    table(["input", ...(given ? ["in the table"] : []), "a⁽¹⁾"], rows),
    more > 0 ? make("p", { class: "faint" }, `and ${more} more inputs`) : "",
    words(truth, t.truth === null ? "" : strong(typeof t.truth === "number" ? show(t.truth) : t.truth)),
  ];
}

function prediction(t) {
  const a = t.layers[t.last].a;
  if (t.regression && t.state.unit) {
    const [mean, scale] = t.state.unit;
    const sums = `${show(mean)} + ${show(scale)} · ${signed(a[0])} = `;
    return words(`Prediction in the units of ${t.target}: ${sums}`, strong(show(t.prediction)));
  }
  if (t.regression) return words(`Prediction of ${t.target}: `, strong(show(t.prediction)));
  const share = a.length === 1 ? `P(${t.state.classes[1]}) = ${show(a[0])}` : "the largest output";
  return words("Predicted class: ", strong(t.prediction), ` (${share}).`);
}

function forward(t, l) {
  const layer = t.layers[l];
  const rows = layer.z.map((z, k) =>
    row(
      t.unit(l, k),
      cell(sum(layer.theta[k] ?? [0], t.values[l], z), "sum"),
      cell(show(z)),
      cell(show(layer.a[k]), "strong"),
    ),
  );
  return [
    equation(layer.equation.z),
    equation(layer.equation.a),
    table(["unit", "z: bias + weights · inputs", "z", "a"], rows, "sums"),
    l === t.last ? prediction(t) : "",
  ];
}

/** The cost as an equation, in letters and in numbers. */
function costEquations(t) {
  const { a, activation } = t.layers[t.last];
  const { y } = t;
  const ends = `= ${show(t.cost)}`;
  if (t.regression) return ["J = ½ (a − y)²", `= ½ (${show(a[0])} − ${signed(y[0])})² ${ends}`];
  const of = (k) => (y[k] > 0.5 ? `−ln(${show(a[k])})` : `−ln(1 − ${signed(a[k])})`);
  if (a.length === 1) return ["J = −y ln a − (1 − y) ln(1 − a)", `= ${of(0)} ${ends}, as y = ${show(y[0])}`];
  if (activation === "softmax") {
    const k = y.indexOf(1);
    return ["J = −Σ y ln a", `= −ln(${show(a[k])}) ${ends}: of the true class alone, y is 1`];
  }
  return ["J = −Σ [y ln a + (1 − y) ln(1 − a)]", `${ends}, summed over ${a.length} outputs`];
}

function cost(t) {
  const { unit } = t.state;
  return [
    words(
      t.regression
        ? "The cost of this row is half the squared error."
        : "The cost of this row is the negative logarithm of the probability that the network gives to its class.",
    ),
    ...costEquations(t).map(equation),
    unit && t.truth !== null
      ? words(
          `The target is standardised, so the cost has no units: y = ${t.standardised(t.truth)} = ${show(t.y[0])}. ` +
            `In the units of ${t.target}, the error is `,
          strong(show(t.prediction - t.truth)),
          ".",
        )
      : "",
    t.penalty ? words(`For a single row, the L2 penalty λ / 2 · Σ θ² adds ${show(t.penalty)}.`) : "",
  ];
}

/** A row for each unit, a column for each of its weights: what `write` says of it. */
function weights(t, l, first, write) {
  const layer = t.layers[l];
  const across = layer.theta[0]?.length ?? 0;
  const shown = range(Math.min(across, ACROSS));
  const rows = layer.delta.map((delta, k) =>
    row(t.unit(l, k), ...first(delta), ...shown.map((j) => write(layer, k, j))),
  );
  const names = shown.map((j) => t.from(l, j));
  const more = across > ACROSS ? make("p", { class: "faint" }, `and ${across - ACROSS} more columns`) : "";
  return [names, rows, more];
}

function backward(t, l) {
  const layer = t.layers[l];
  const [names, rows, more] = weights(
    t,
    l,
    (delta) => [cell(show(delta), "strong")],
    (_, k, j) => cell(show(layer.gradient[k]?.[j]), layer.gradient[k]?.[j] === 0 ? "nil" : null),
  );
  return [
    words("δ is the derivative of the cost with respect to each z, the gradient that with respect to each weight."),
    equation(layer.equation.delta),
    equation(layer.equation.gradient),
    table(["unit", "δ", ...names.map((name) => `∂J/∂θ, ${name}`)], rows),
    more,
  ];
}

function check(t) {
  const { layer, to, from, difference, backpropagation, error } = t.check;
  const unit = t.unit(layer - 1, to);
  const place = layer - 1 === t.last ? unit : `unit ${unit} of ${t.layerName(layer - 1)}`;
  return [
    words(
      `Take the weight with the largest gradient, ${t.from(layer - 1, from)} → ${place}. ` +
        "Move it a little up and a little down, and compute the cost both times.",
    ),
    table(
      ["derivative of the cost", "value"],
      [
        row("by the difference of the two costs", cell(show(difference, 7))),
        row("by backpropagation", cell(show(backpropagation, 7), "strong")),
        row("relative difference", cell(show(error, 2))),
      ],
    ),
  ];
}

function update(t) {
  const { rate, cost: after } = t.update;
  const { solver, batch_size: batch } = t.state.settings;
  const parts = t.layers.flatMap((layer, l) => {
    const [names, rows, more] = weights(
      t,
      l,
      () => [],
      (_, k, j) => {
        const theta = layer.theta[k]?.[j];
        return cell(`${show(theta, 4)} → ${show(theta - rate * layer.gradient[k]?.[j], 4)}`);
      },
    );
    const name = t.layerName(l);
    return [
      make("h3", {}, name[0].toUpperCase() + name.slice(1)),
      equation(layer.equation.update),
      table(["unit", ...names], rows),
      more,
    ];
  });
  const others = ["gd", "sgd"].includes(solver) ? "" : ` ${named(solver)} also rescales each step.`;
  return [
    words(
      `Gradient descent moves each weight against its gradient, by the learning rate α = ${show(rate)}. ` +
        `The cost of this row goes from ${show(t.cost + t.penalty)} to `,
      strong(show(after)),
      ".",
    ),
    ...parts,
    make(
      "p",
      { class: "faint" },
      `This is a step on one row, and it is only shown, not made. Training takes the mean gradient of ` +
        `${solver === "gd" ? "all training rows" : `a batch of ${batch} rows`}.${others}`,
    ),
  ];
}

/** What the drawing of the network shows at a step: columns and layers of weights lit up, numbers at units. */
const lit = (columns, links, values = {}, link = null) => ({
  columns: new Set(columns),
  links: new Set(links),
  values,
  link,
});

/** The steps: each has its phase, a title, what the drawing shows, and body(), the elements to show. */
export function stepsOf(message, state) {
  const t = new Told(message, state);
  const layers = range(t.layers.length);
  const at = (l) => ({ [l]: t.values[l] });
  const of = t.truth === null ? "point" : "row";
  const steps = [{ phase: "Row", title: `Inputs of this ${of}`, lit: lit([0], [], at(0)), body: () => inputs(t) }];
  for (const l of layers)
    steps.push({
      phase: "Forward",
      title: `Forward: ${t.layerName(l)} (${named(t.layers[l].activation)})`,
      lit: lit([l + 1], [l + 1], { ...at(l), ...at(l + 1) }),
      body: () => forward(t, l),
    });
  steps.push({
    phase: "Cost",
    title: `Cost of this ${of}`,
    lit: lit([t.last + 1], [], at(t.last + 1)),
    body: () => cost(t),
  });
  for (const l of layers.toReversed()) {
    const after = l < t.last ? { [l + 2]: t.layers[l + 1].delta } : {};
    steps.push({
      phase: "Backward",
      title: `Backward: ${t.layerName(l)}`,
      lit: lit([l + 1], l < t.last ? [l + 1, l + 2] : [l + 1], { [l + 1]: t.layers[l].delta, ...after }),
      body: () => backward(t, l),
    });
  }
  steps.push({
    phase: "Check",
    title: "Check of one derivative",
    lit: lit([t.check.layer], [], {}, { layer: t.check.layer, to: t.check.to, from: t.check.from }),
    body: () => check(t),
  });
  steps.push({
    phase: "Update",
    title: "Update of all weights",
    lit: lit(
      range(t.layers.length + 1),
      layers.map((l) => l + 1),
    ),
    body: () => update(t),
  });
  return steps;
}
