// Settings in the address: #data=spiral&layers=8,8&… both ways; the addresses of TensorFlow Playground
// are understood. And settings to share: the same without the address.

const TF_ONLY = [
  "dataset",
  "regDataset",
  "networkShape",
  "learningRate",
  "regularizationRate",
  "percTrainData",
  "batchSize",
  "problem",
  "xTimesY",
];
const TF_DATA = {
  circle: "circles",
  xor: "xor",
  gauss: "gauss",
  spiral: "spiral",
  "reg-plane": "plane",
  "reg-gauss": "hill",
};
const TF_ACTIVATION = { relu: "relu", tanh: "tanh", sigmoid: "logistic", linear: "identity" };
const TF_FEATURES = {
  x: "x1",
  y: "x2",
  xSquared: "x1^2",
  ySquared: "x2^2",
  xTimesY: "x1*x2",
  sinX: "sin(x1)",
  sinY: "sin(x2)",
};

const LISTS = new Set(["layers", "features", "activation", "axes"]);
const WORDS = new Set([
  "data",
  "target",
  "solver",
  "learning_rate",
  "initializer",
  "output_activation",
  "features",
  "activation",
  "axes",
]);
const KEYS = [
  "data",
  "noise",
  "rows",
  "training_share",
  "data_seed",
  "axes",
  "features",
  "layers",
  "activation",
  "output_activation",
  "initializer",
  "seed",
  "solver",
  "learning_rate_init",
  "learning_rate",
  "batch_size",
  "alpha",
  "dropout",
  "momentum",
];
const OF_DATA = new Set(["data", "noise", "rows", "axes", "features"]);
const MOST_POINTS = 400;

const number = (text) => (text.trim() === "" || !Number.isFinite(Number(text)) ? undefined : Number(text));

function fromTensorFlow(given) {
  const get = (key, or) => given.get(key) ?? or;
  const layers = get("networkShape", "4,2")
    .split(",")
    .map(number)
    .filter((n) => n >= 1);
  const activation = TF_ACTIVATION[get("activation", "tanh")] ?? "tanh";
  const batch = number(get("batchSize", "10")) ?? 10;
  const data =
    get("problem", "classification") === "regression" ? get("regDataset", "reg-plane") : get("dataset", "circle");
  const features = Object.entries(TF_FEATURES)
    .filter(([key]) => get(key, key === "x" || key === "y" ? "true" : "false") === "true")
    .map(([, name]) => name);
  const rate = number(get("regularizationRate", "0")) ?? 0;
  return {
    data: TF_DATA[data] ?? "circles",
    noise: Math.min(0.5, (number(get("noise", "0")) ?? 0) / 100),
    training_share: Math.min(0.9, Math.max(0.1, (number(get("percTrainData", "50")) ?? 50) / 100)),
    rows: 500,
    layers,
    activation: layers.map(() => activation),
    features: features.length ? features : ["x1", "x2"],
    solver: "sgd",
    momentum: 0,
    learning_rate: "constant",
    learning_rate_init: number(get("learningRate", "0.03")) ?? 0.03,
    batch_size: batch,
    // there λ stands beside the mean of a batch, here it is divided by the batch's rows
    alpha: get("regularization", "none") === "L2" ? rate * batch : 0,
    // a seed there is 0.12345: its digits are the whole number here
    seed: Number(get("seed", "0").replace(/\D/g, "").slice(-6)) || 0,
  };
}

function fromOwn(given) {
  const settings = {};
  for (const key of KEYS) {
    const text = given.get(key);
    if (text === null) continue;
    const read = WORDS.has(key) ? (part) => part : number;
    const value = LISTS.has(key)
      ? text
          .split(",")
          .filter((part) => part !== "")
          .map(read)
      : read(text);
    if (value !== undefined && !(Array.isArray(value) && value.includes(undefined))) settings[key] = value;
  }
  if (settings.data === "table") delete settings.data;
  return settings;
}

/** What an address asks for: {settings, points}, or null where it asks for nothing. */
export function read(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  if (![...given.keys()].length) return null;
  if (TF_ONLY.some((key) => given.has(key))) return { settings: fromTensorFlow(given), points: null };
  const settings = fromOwn(given);
  let points = null;
  if (settings.data === "points") {
    delete settings.data;
    points = (given.get("points") ?? "")
      .split(";")
      .map((row) => row.split(",").map(Number))
      .filter((row) => row.length === 3 && row.every(Number.isFinite));
    if (points.length < 2) points = null;
  }
  return Object.keys(settings).length || points ? { settings, points } : null;
}

const fits = ({ settings, points }) => settings.data !== "points" || points.x.length <= MOST_POINTS;
const isShared = (state) => fits(state) && !["table", "given"].includes(state.settings.data);

/** The address of a state; what is the same for all data of the kind is left out, and `without` other settings. */
export function write(state, without = new Set()) {
  const { settings } = state;
  const parts = [];
  for (const key of KEYS) {
    if (without.has(key)) continue;
    const value = settings[key];
    if (value === null || value === undefined || (key === "axes" && state.columns.length <= 2)) continue;
    parts.push(
      `${key}=${[value]
        .flat()
        .map((part) => encodeURIComponent(part))
        .join(",")}`,
    );
  }
  if (settings.data === "points" && fits(state)) {
    const { x, y, label } = state.points;
    const short = (value) => Number(value.toPrecision(4));
    const points = x.map((_, i) => [short(x[i]), short(y[i]), label[i]].join(","));
    parts.push(`points=${points.join(";")}`);
  }
  return `#${parts.join("&")}`;
}

/** The settings as a command that restores them on another machine: without this page's address. */
export function shared(state) {
  const settings = write(state, isShared(state) ? new Set() : OF_DATA).slice(1);
  return `multilayer playground --settings "${settings}"`;
}

/** What these settings leave out, in words. */
export function notShared(state) {
  const { settings, points, file } = state;
  const parts = ["Not shared: trained weights and those edited by hand (save the model for these)"];
  if (settings.data === "table") parts.push(`your table${file ? ` ${file}` : ""} with its target and axes`);
  if (settings.data === "given") parts.push("the rows given in Python");
  if (!fits(state)) parts.push(`your ${points.x.length} points, of which at most ${MOST_POINTS} could be`);
  const rest = isShared(state)
    ? ""
    : " The settings of the network and of training will apply to the data that the other playground shows.";
  return `${parts.join("; ")}.${rest}`;
}

/** What a pasted text asks for: a command, a link, or the settings alone. */
export function readShared(text) {
  const command = text.match(/--settings[=\s]+["']?([^"'\s]+)/);
  if (command) return read(command[1]);
  return read(text.includes("#") ? text.slice(text.indexOf("#")) : text.trim());
}
