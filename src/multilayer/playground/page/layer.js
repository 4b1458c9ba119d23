// The controls above a hidden layer: its number of units and its activation.

import { make, named } from "./words.js";

/** on: units(layer, by), size(layer, units), activation(layer, name) */
export function layerControls(l, size, activation, activations, on) {
  const change = (by) => on.units(l, by);
  const set = (input) => {
    if (input.validity.valid && input.value) on.size(l, input.valueAsNumber);
    else input.value = size;
  };
  const select = make("select", {
    class: "activation",
    "aria-label": `Activation of hidden layer ${l}`,
    onchange: () => on.activation(l, select.value),
  });
  for (const name of activations) select.append(make("option", { value: name }, named(name)));
  select.value = activation ?? "";
  return make(
    "div",
    { class: "controls" },
    make(
      "div",
      { class: "stepper" },
      make(
        "button",
        {
          type: "button",
          class: "remove-unit",
          "aria-label": `Remove a unit from hidden layer ${l}`,
          disabled: size <= 1,
          onclick: () => change(-1),
        },
        "−",
      ),
      make("input", {
        type: "number",
        class: "units-count",
        min: 1,
        max: 256,
        step: 1,
        value: size,
        "aria-label": `Units of hidden layer ${l}`,
        onchange: ({ target }) => set(target),
        onblur: ({ target }) => {
          if (target.isConnected) set(target);
        },
        onkeydown: ({ key, target }) => {
          if (key === "Enter") set(target);
        },
      }),
      make(
        "button",
        {
          type: "button",
          class: "add-unit",
          "aria-label": `Add a unit to hidden layer ${l}`,
          disabled: size >= 256,
          onclick: () => change(1),
        },
        "+",
      ),
    ),
    select,
  );
}
