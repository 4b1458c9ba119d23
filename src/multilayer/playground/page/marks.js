// The shapes of the classes: so that colour is not alone. One table serves canvas and SVG.

const star = (n, inner) =>
  Array.from({ length: 2 * n }, (_, i) => {
    const r = i % 2 ? inner : 1.25;
    const angle = (Math.PI * i) / n - Math.PI / 2;
    return [r * Math.cos(angle), r * Math.sin(angle)];
  });

const SHAPES = [
  null,
  [
    [-0.9, -0.9],
    [0.9, -0.9],
    [0.9, 0.9],
    [-0.9, 0.9],
  ],
  [
    [0, -1.15],
    [1.1, 0.85],
    [-1.1, 0.85],
  ],
  [
    [0, -1.25],
    [1.25, 0],
    [0, 1.25],
    [-1.25, 0],
  ],
  star(5, 0.55),
  [
    [0, 1.15],
    [1.1, -0.85],
    [-1.1, -0.85],
  ],
  star(4, 0.45),
  star(3, 0.6),
  [
    [-0.4, -1.2],
    [0.4, -1.2],
    [0.4, 1.2],
    [-0.4, 1.2],
  ],
  [
    [-1.2, -0.4],
    [1.2, -0.4],
    [1.2, 0.4],
    [-1.2, 0.4],
  ],
];

export const NAMES = [
  "circle",
  "square",
  "triangle",
  "diamond",
  "star",
  "triangle down",
  "cross",
  "three points",
  "bar",
  "flat bar",
];

/** Adds the outline of class k to the path. */
export function trace(path, k, x, y, r) {
  const shape = SHAPES[k % SHAPES.length];
  if (!shape) {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 7);
    return;
  }
  shape.forEach(([dx, dy], i) => {
    if (i) path.lineTo(x + r * dx, y + r * dy);
    else path.moveTo(x + r * dx, y + r * dy);
  });
  path.closePath();
}

/** The same as the `d` of an SVG path. */
export function outline(k, x, y, r) {
  const shape = SHAPES[k % SHAPES.length];
  const n = (v) => v.toFixed(1);
  if (!shape) return `M${n(x - r)} ${n(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
  return `M${shape.map(([dx, dy]) => `${n(x + r * dx)} ${n(y + r * dy)}`).join("L")}Z`;
}
