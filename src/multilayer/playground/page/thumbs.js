// Small pictures of the made data, to choose by eye.

import { CLASSES, css, palette, whenThemeChanges } from "./colour.js";
import { make, named } from "./words.js";

const { sin, cos, PI, sqrt, exp } = Math;

// A small generator of its own, so that the pictures are the same each time.
function random(seed) {
  let s = seed;
  return () => {
    s = (s * 16807) % 2147483647;
    return s / 2147483647;
  };
}

const blobs = (n) => (u, v, i) => {
  const angle = (2 * PI * (i % n)) / n + 0.4;
  return [0.62 * cos(angle) + 0.35 * (u - 0.5), 0.62 * sin(angle) + 0.35 * (v - 0.5), i % n];
};

// i-th point of two random numbers: [x, y, class], or a height in place of the class where the third is no whole number
const SHAPES = {
  moons: (u, _v, i) =>
    i % 2
      ? [0.3 + 0.55 * cos(PI * (1 + u)), 0.2 + 0.6 * sin(PI * (1 + u)), 1]
      : [-0.3 + 0.55 * cos(PI * u), -0.2 + 0.6 * sin(PI * u), 0],
  circles: (u, v, i) => {
    const r = i % 2 ? 0.3 * sqrt(v) : 0.7 + 0.15 * v;
    return [r * cos(2 * PI * u), r * sin(2 * PI * u), i % 2];
  },
  xor: (u, v) => {
    const x = 1.8 * u - 0.9;
    const y = 1.8 * v - 0.9;
    return [x + 0.08 * Math.sign(x), y + 0.08 * Math.sign(y), x * y > 0 ? 1 : 0];
  },
  gauss: (u, v, i) => {
    const r = 0.4 * sqrt(u);
    const s = i % 2 ? 0.42 : -0.42;
    return [s + r * cos(2 * PI * v), s + r * sin(2 * PI * v), i % 2];
  },
  spiral: (u, _v, i) => {
    const t = 0.1 + 0.85 * u;
    const angle = 5.2 * t + (i % 2) * PI;
    return [t * sin(angle), t * cos(angle), i % 2];
  },
  blobs3: blobs(3),
  blobs4: blobs(4),
  blobs5: blobs(5),
  plane: (u, v) => [1.8 * u - 0.9, 1.8 * v - 0.9, 0.001 + 0.998 * ((u + v) / 2)],
  hill: (u, v) => {
    const x = 1.8 * u - 0.9;
    const y = 1.8 * v - 0.9;
    return [
      x,
      y,
      0.5 + 0.49 * (exp(-5 * ((x - 0.4) ** 2 + (y - 0.4) ** 2)) - exp(-5 * ((x + 0.4) ** 2 + (y + 0.4) ** 2))),
    ];
  },
};

export const CAN_DRAW = new Set(Object.keys(SHAPES));

function paint(canvas, name) {
  const c = canvas.getContext("2d");
  const next = random(7 + name.length);
  c.clearRect(0, 0, 80, 80);
  for (let i = 0; i < 90; i++) {
    const [x, y, k] = SHAPES[name](next(), next(), i);
    c.fillStyle = Number.isInteger(k) ? css(CLASSES[k]) : palette().numberAt(k);
    c.beginPath();
    c.arc(40 + 36 * x, 40 - 36 * y, 3.2, 0, 7);
    c.fill();
  }
}

export function thumbnails(parent, names, choose) {
  const canvases = names.map((name) => {
    const canvas = make("canvas", { width: 80, height: 80, "aria-hidden": "true" });
    parent.append(
      make(
        "button",
        {
          type: "button",
          "data-name": name,
          "aria-label": named(name),
          title: named(name),
          "aria-pressed": "false",
          onclick: () => choose(name),
        },
        canvas,
      ),
    );
    return canvas;
  });
  const all = () => {
    for (const [i, canvas] of canvases.entries()) paint(canvas, names[i]);
  };
  whenThemeChanges(all);
  all();
}
