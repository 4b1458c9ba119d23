// Colours: one table for the classes, one for what a unit gives, one for a number. All hold for colour-blind eyes.

const LIGHT = {
  paper: [255, 255, 255],
  middle: [246, 246, 244],
  ink: "#1d2024",
  faint: "#5c636b",
  line: "#d5d9de",
  edge: "#ffffff",
};
const DARK = {
  paper: [27, 30, 34],
  middle: [36, 39, 44],
  ink: "#e8e8e6",
  faint: "#a7aeb6",
  line: "#3a4047",
  edge: "#15171a",
};

// Class 0 and "low" are orange, class 1 and "high" are blue, as the weights that push there.
export const CLASSES = [
  [224, 98, 24],
  [38, 120, 200],
  [140, 70, 190],
  [190, 150, 20],
  [20, 150, 130],
  [120, 126, 136],
  [200, 70, 130],
  [110, 80, 50],
  [90, 170, 60],
  [60, 70, 140],
];
const NUMBERS = [
  [43, 42, 107],
  [45, 110, 163],
  [90, 169, 160],
  [227, 199, 102],
  [255, 241, 196],
];

export const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

export function mix(a, b, t) {
  return [0, 1, 2].map((i) => Math.round(a[i] + (b[i] - a[i]) * t));
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : dark.matches;
}

/** Asks back whenever the colours change. */
export function whenThemeChanges(act) {
  dark.addEventListener("change", act);
  new MutationObserver(act).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

function table(colourOf) {
  const words = new Uint32Array(256);
  const bytes = new Uint8ClampedArray(words.buffer);
  for (let v = 0; v < 256; v++) bytes.set([...colourOf(v / 255), 255], 4 * v);
  return words;
}

function number(t) {
  const at = Math.min(t, 0.9999) * (NUMBERS.length - 1);
  return mix(NUMBERS[at | 0], NUMBERS[(at | 0) + 1], at % 1);
}

const made = new Map();

/** Everything drawn takes its colours from here: made once for light and once for dark. */
export function palette() {
  const which = isDark();
  if (!made.has(which)) {
    const ground = which ? DARK : LIGHT;
    const strong = which ? 0.62 : 0.58;
    const tints = CLASSES.map((c) => mix(ground.middle, c, strong));
    const classes = tints.map((tint) => table((t) => mix(ground.middle, tint, t)));
    const signed = (t) => (t < 0.5 ? mix(tints[0], ground.middle, t * 2) : mix(ground.middle, tints[1], t * 2 - 1));
    made.set(which, {
      ...ground,
      tints,
      signed: table(signed),
      number: table(number),
      ofClass: (k) => classes[k % classes.length],
      numberAt: (t) => css(number(t)),
      signedAt: (t) => css(signed(t)),
      plus: which ? "#5aa9ee" : "#1f6fbf",
      minus: which ? "#f0803c" : "#cf4f14",
      train: which ? "#e8e8e6" : "#1d2024",
      test: which ? "#5aa9ee" : "#1f6fbf",
    });
  }
  return made.get(which);
}
