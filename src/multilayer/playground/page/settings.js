// The controls: one table says which control holds which setting.

import { CAN_DRAW, thumbnails } from "./thumbs.js";
import { $, feature, make, named, show } from "./words.js";

const percent = (v) => `${Math.round(v * 100)} %`;
const whole = (v) => String(Math.round(v));

// id → setting; `choices` name the list of hello that fills a select; `tell` writes a slider's value;
// `spin` are the stops of − and +
const CONTROLS = {
  data: { key: "data", text: true },
  noise: { key: "noise", tell: percent },
  rows: { key: "rows", tell: whole },
  "training-share": { key: "training_share", tell: percent },
  "data-seed": { key: "data_seed", whole: true },
  target: { key: "target", text: true },
  solver: { key: "solver", text: true, choices: "solver" },
  "learning-rate": {
    key: "learning_rate_init",
    spin: [0.00001, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
  },
  schedule: { key: "learning_rate", text: true, choices: "learning_rate" },
  "batch-size": {
    key: "batch_size",
    whole: true,
    spin: [1, 2, 4, 8, 10, 16, 30, 32, 64, 128, 200, 256, 512, 1024, 5000],
  },
  alpha: { key: "alpha", spin: [0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] },
  dropout: { key: "dropout", tell: percent },
  momentum: { key: "momentum", tell: (v) => show(v, 2) },
  "output-activation": { key: "output_activation", text: true, choices: "output_activation" },
  initializer: { key: "initializer", text: true, choices: "initializer" },
  seed: { key: "seed", whole: true },
};

const MADE = new Set(["moons", "circles", "xor", "gauss", "spiral", "blobs3", "blobs4", "blobs5", "plane", "hill"]);
const OWN = new Set(["points", "table", "given"]);
const WITH_MOMENTUM = new Set(["sgd"]);

const typed = new Set();

let settings = {};
let send = () => {};
let pending = {};
const unanswered = []; // what was sent, and not yet answered
let timer = null;

/** Sends settings; a slider that is dragged sends at most some twenty times a second. */
export function set(changes) {
  Object.assign(pending, changes);
  settings = { ...settings, ...changes }; // two clicks in a row count as two
  if (timer) return;
  timer = setTimeout(() => {
    unanswered.push(pending);
    send({ do: "set", settings: pending });
    [pending, timer] = [{}, null];
  }, 45);
}

/** The server has answered: with the settings it holds now, or that one of them cannot be. */
export function answered() {
  unanswered.shift();
}

function value(input, { text, whole: integer }) {
  if (text) return input.value;
  const number = input.valueAsNumber;
  if (!Number.isFinite(number) || (integer && !Number.isInteger(number))) return null;
  return number;
}

function tell(input, { tell: words }) {
  if (!words) return;
  const output = input.closest("label").querySelector("output");
  output.textContent = words(input.valueAsNumber);
  input.setAttribute("aria-valuetext", output.textContent);
}

function wire(id, control) {
  const input = $(id);
  const act = () => {
    typed.delete(input);
    tell(input, control);
    const now = value(input, control);
    if (now !== null && now !== settings[control.key]) set({ [control.key]: now });
  };
  // a slider acts while it is dragged; a field when it is left or Enter is pressed, so that half a number is not sent
  input.addEventListener(input.type === "range" ? "input" : "change", act);
  if (input.type === "number") input.addEventListener("input", () => typed.add(input));
  if (!control.spin) return;
  const step = (by) => {
    const now = input.valueAsNumber || 0;
    const next = by > 0 ? control.spin.find((v) => v > now * 1.0001) : control.spin.findLast((v) => v < now * 0.9999);
    if (next === undefined) return;
    input.value = String(next);
    act();
  };
  for (const button of input.parentElement.querySelectorAll("[data-spin]"))
    button.addEventListener("click", () => step(Number(button.dataset.spin)));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    step(event.key === "ArrowUp" ? 1 : -1);
  });
}

const fill = (select, names, words = named) =>
  select.replaceChildren(...names.map((name) => make("option", { value: name }, words(name))));

/** Once, at hello: lists filled and wired. */
export function startSettings(choices, sender) {
  send = sender;
  const select = $("data");
  const groups = choices.data.map(([group, names]) =>
    make("optgroup", { label: named(group) }, ...names.map((name) => make("option", { value: name }, named(name)))),
  );
  select.replaceChildren(...groups);
  // what is one's own can be chosen once it is there
  for (const option of select.options) if (OWN.has(option.value)) option.hidden = true;
  for (const [id, control] of Object.entries(CONTROLS)) {
    if (control.choices) fill($(id), choices[control.choices] ?? []);
    wire(id, control);
  }
  thumbnails(
    $("thumbs"),
    choices.data.flatMap(([, names]) => names).filter((name) => CAN_DRAW.has(name)),
    (name) => set({ data: name }),
  );
  for (const id of ["axis-x", "axis-y"])
    $(id).addEventListener("change", () => set({ axes: [$("axis-x").value, $("axis-y").value] }));
  $("reseed").addEventListener("click", () => set({ seed: Math.floor(Math.random() * 1000) }));
  $("features")
    .querySelector(".chips")
    .replaceChildren(
      ...(choices.features ?? []).map((name) =>
        make(
          "label",
          { class: "chip" },
          make("input", { type: "checkbox", value: name, onchange: chosen }),
          make("span", {}, feature(name)),
        ),
      ),
    );
  $("add-layer").addEventListener("click", () => addLayer(choices.activation));
  $("remove-layer").addEventListener("click", () =>
    set({ layers: settings.layers.slice(0, -1), activation: settings.activation.slice(0, -1) }),
  );
}

function chosen(event) {
  const boxes = [...$("features").querySelectorAll("input")];
  const features = boxes.filter((box) => box.checked).map((box) => box.value);
  if (features.length) set({ features });
  else event.target.checked = true;
}

function addLayer(activations) {
  const { layers, activation } = settings;
  set({
    layers: [...layers, layers.at(-1) ?? 4],
    activation: [...activation, activation.at(-1) ?? (activations.includes("tanh") ? "tanh" : activations[0])],
  });
}

export function addUnits(layer, by) {
  set({ layers: settings.layers.map((size, l) => (l === layer - 1 ? Math.max(1, Math.min(256, size + by)) : size)) });
}

export function setUnits(layer, size) {
  if (settings.layers[layer - 1] !== size) addUnits(layer, size - settings.layers[layer - 1]);
}

export function setActivation(layer, name) {
  set({ activation: settings.activation.map((old, l) => (l === layer - 1 ? name : old)) });
}

/** Which groups of controls make sense for the data at hand. */
function reveal(state) {
  const rules = {
    table: state.table !== null && settings.data === "table",
    axes: state.columns.length > 2,
    made: MADE.has(settings.data),
    classes: state.task === "classification" && settings.output_activation !== undefined,
    features: state.columns.length === 2 && !["table"].includes(settings.data),
  };
  for (const element of document.querySelectorAll("[data-only]")) element.hidden = !rules[element.dataset.only];
}

/** At each state: the controls say what the server holds. */
export function settingsState(state) {
  settings = Object.assign({}, state.settings, ...unanswered, pending);
  if (state.table) {
    fill(
      $("target"),
      state.table.columns.map(({ name }) => name),
      (name) => name,
    );
  }
  for (const option of $("data").options)
    if (option.value === settings.data || (state.table && option.value === "table")) option.hidden = false;
  if (state.columns.length > 2) {
    for (const [i, id] of ["axis-x", "axis-y"].entries()) {
      fill($(id), state.columns, (name) => name);
      $(id).value = $(id).title = state.axes[i];
    }
  }
  for (const [id, control] of Object.entries(CONTROLS)) {
    const input = $(id);
    // what is being dragged or typed stays under the hand
    if (settings[control.key] === undefined || typed.has(input) || (input.type === "range" && control.key in pending))
      continue;
    input.value = settings[control.key] ?? "";
    if (control.text) input.title = input.selectedOptions[0]?.textContent ?? "";
    tell(input, control);
  }
  for (const box of $("features").querySelectorAll("input"))
    box.checked = settings.features?.includes(box.value) ?? false;
  for (const button of $("thumbs").children)
    button.setAttribute("aria-pressed", String(button.dataset.name === settings.data));
  $("momentum-row").hidden = !WITH_MOMENTUM.has(settings.solver);
  $("layer-count").textContent =
    settings.layers.length === 1 ? "1 hidden layer" : `${settings.layers.length} hidden layers`;
  $("add-layer").disabled = settings.layers.length >= 8;
  $("remove-layer").disabled = settings.layers.length === 0;
  $("parameters").textContent = `${state.parameters} parameters`;
  reveal(state);
}
