// Numbers and names as people read them.

const GROUPS = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Three significant digits or all whole ones, a true minus sign, no exponent where it can be helped. */
export function show(v, digits = 3) {
  if (v === null || v === undefined || Number.isNaN(v)) return "–";
  if (!Number.isFinite(v)) return v > 0 ? "∞" : "−∞";
  const size = Math.abs(v);
  let text;
  if (size === 0) text = "0";
  else if (size >= 1e9 || size < 1e-4) text = v.toExponential(digits - 1).replace("e+", "e");
  else if (size >= 1e4) text = GROUPS.format(v);
  else if (size >= 1000) text = v.toFixed(0);
  else text = String(Number(v.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 5 });

/** A number beside an axis, where there is little room. */
export function tick(v) {
  const size = Math.abs(v);
  return size >= 1e4 && size < 1e15 ? SHORT.format(v).replaceAll("-", "−") : show(v);
}

/** The same number of places each time, so that a running number does not jump about. */
export function steady(v, places = 3) {
  if (v === null || v === undefined || !Number.isFinite(v)) return show(v);
  return (Math.abs(v) >= 1000 ? show(v) : v.toFixed(places)).replaceAll("-", "−");
}

/** An epoch, of which steps are parts: two places at most. */
export const places = (v) => String(Number(v.toFixed(2)));

const NAMES = {
  leaky_relu: "leaky ReLU",
  relu: "ReLU",
  elu: "ELU",
  selu: "SELU",
  gelu: "GELU",
  silu: "SiLU",
  adam: "Adam",
  adamw: "AdamW",
  nadam: "NAdam",
  sgd: "SGD",
  gd: "gradient descent",
  rmsprop: "RMSprop",
  rprop: "Rprop",
  lion: "Lion",
  he: "He",
  glorot: "Glorot",
  lecun: "LeCun",
  glorot_logistic: "Glorot, logistic",
  xor: "XOR",
  gauss: "two Gaussians",
  blobs3: "three blobs",
  blobs4: "four blobs",
  blobs5: "five blobs",
  invscaling: "inverse scaling",
  one_cycle: "one cycle",
  warm_restarts: "warm restarts",
  breast_cancer: "breast cancer",
  points: "your points",
  table: "your table",
  given: "rows given in Python",
  learning_rate_init: "learning rate",
  learning_rate: "schedule",
  batch_size: "batch size",
  alpha: "the penalty λ",
  training_share: "training share",
  rows: "number of rows",
  layers: "hidden layers",
  activation: "activation",
  data_seed: "random seed of the data",
  seed: "random seed",
  initializer: "initial weights",
  wine: "wine",
  auto: "automatic",
  output_activation: "output unit",
  classes: "Synthetic, classification",
  numbers: "Synthetic, regression",
  bundled: "Bundled tables",
  own: "Your own data",
};
export const named = (key) => NAMES[key] ?? String(key).replaceAll("_", " ");

const UP = "⁰¹²³⁴⁵⁶⁷⁸⁹";
/** x1^2 → x1², x1*x2 → x1·x2 */
export const feature = (name) =>
  String(name)
    .replace(/\^(\d)/g, (_, d) => UP[d])
    .replace(/\*/g, "·");

/** A text cut to a number of characters, with an ellipsis where something is left out. */
export const cut = (text, most) => (text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1)).trimEnd()}…`);

/** A message of the server as a sentence: it begins with a small letter and has no full stop. */
export function sentence(message) {
  const text = String(message).trim();
  const first = /^[a-z]+(?=[ ,:])/.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

export const range = (n) => Array.from({ length: n }, (_, i) => i);

/** An element with attributes and children; text is always text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Writes only where the text is another: the page is not laid out for nothing. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
