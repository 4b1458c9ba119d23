// Drawings to keep: the picture and the network as SVG documents, and the marks of the legends.

import { ticks } from "./boundary.js";
import { CLASSES, css, palette } from "./colour.js";
import { outline } from "./marks.js";
import { borders, outputImage } from "./plane.js";
import { cut, feature, named, tick } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes = {}, text = null) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  return element;
}

/** The mark of a class, for legends. */
export function swatch(k, ring = false) {
  const picture = svg("svg", { viewBox: "-8 -8 16 16", width: 14, height: 14, class: "mark", "aria-hidden": "true" });
  const colour = css(CLASSES[k % CLASSES.length]);
  picture.append(
    svg("path", { d: outline(k, 0, 0, 4.6), fill: ring ? "none" : colour, stroke: colour, "stroke-width": 1.8 }),
  );
  return picture;
}

function sheet(width, height, caption) {
  const root = svg("svg", {
    xmlns: SVG,
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    "font-family": "system-ui, sans-serif",
    "font-size": 11,
  });
  root.append(svg("title", {}, caption), svg("rect", { width: "100%", height: "100%", fill: css(palette().paper) }));
  return root;
}

/** The picture as an SVG document: the plane as an image, rows and axes as shapes. */
export function drawing(picture, caption) {
  const { state, array, box } = picture;
  const colours = palette();
  const regression = state.task === "regression";
  const root = sheet(box.width, box.height + 20, caption);
  root.append(
    svg("image", {
      href: outputImage(array, regression, colours).toDataURL(),
      x: box.x,
      y: box.y,
      width: box.w,
      height: box.h,
      preserveAspectRatio: "none",
    }),
  );
  root.append(svg("rect", { x: box.x, y: box.y, width: box.w, height: box.h, fill: "none", stroke: colours.line }));
  const [, rows, columns] = array.shape;
  const at = (cx, cy) => {
    const x = box.x + ((cx + 0.5) * box.w) / columns;
    const y = box.y + box.h - ((cy + 0.5) * box.h) / rows;
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  let between = "";
  borders(array, regression, (x1, y1, x2, y2) => {
    between += `M${at(x1, y1)}L${at(x2, y2)}`;
  });
  root.append(
    svg("path", {
      d: between,
      fill: "none",
      stroke: regression ? "#1d2024" : colours.ink,
      "stroke-width": regression ? 0.7 : 1.3,
      "stroke-opacity": regression ? 0.35 : 0.75,
    }),
  );
  const { points, span, axes } = state;
  points.x.forEach((_, i) => {
    const test = points.test[i];
    if (test && !picture.testShown) return;
    const [x, y] = picture.place(points.x[i], points.y[i]);
    const colour = regression
      ? colours.numberAt(picture.level(points.label[i]))
      : css(CLASSES[points.label[i] % CLASSES.length]);
    root.append(
      svg("path", {
        d: outline(regression ? 0 : points.label[i], x, y, 3),
        fill: test ? "none" : colour,
        stroke: test ? colour : colours.edge,
        "stroke-width": test ? 1.6 : 0.8,
      }),
    );
  });
  const text = (words, x, y, more = {}) =>
    root.append(svg("text", { x, y, fill: colours.ink, "text-anchor": "middle", ...more }, words));
  for (const v of ticks(span[0], span[1])) text(tick(v), picture.place(v, span[2])[0], box.y + box.h + 14);
  for (const v of ticks(span[2], span[3]))
    text(tick(v), box.x - 5, picture.place(span[0], v)[1] + 4, { "text-anchor": "end" });
  text(cut(feature(axes[0]), 60), box.x + box.w / 2, box.y + box.h + 30);
  text(cut(feature(axes[1]), 50), 0, 0, { transform: `translate(11 ${box.y + box.h / 2}) rotate(-90)` });
  text(caption, box.width / 2, box.height + 12, { fill: colours.faint });
  return new XMLSerializer().serializeToString(root);
}

/** The network as an SVG document: weights as lines, units as the small pictures they are now. */
export function networkDrawing(view, caption) {
  const {
    box: { width, height, size, compact, labels },
    columns,
    state,
  } = view;
  const colours = palette();
  const root = sheet(width, height + 20, caption);
  const text = (words, x, y, anchor = "middle", whole = words) => {
    const element = svg("text", { x, y, fill: colours.ink, "text-anchor": anchor }, words);
    if (whole !== words) element.append(svg("title", {}, whole));
    root.append(element);
  };
  view.eachLink((_link, w, share, path) =>
    root.append(
      svg("path", {
        d: path,
        fill: "none",
        stroke: w < 0 ? colours.minus : colours.plus,
        "stroke-width": (0.6 + 5 * share).toFixed(2),
        "stroke-opacity": (0.3 + 0.7 * Math.sqrt(share)).toFixed(2),
        ...(w < 0 ? { "stroke-dasharray": "5 3.5" } : {}),
      }),
    ),
  );
  columns.forEach(({ x, ys, units, kind }, l) => {
    const activation = compact ? "" : ` · ${named(state.settings.activation[l - 1])}`;
    text(kind === "hidden" ? `${view.sizes[l]}${activation}` : kind, x, compact ? 14 : 20);
    ys.forEach((y, k) => {
      const at = { x: x - size / 2, y: y - size / 2, width: size, height: size };
      root.append(
        svg("image", { href: units[k].context.canvas.toDataURL(), ...at, preserveAspectRatio: "none" }),
        svg("rect", { ...at, fill: "none", stroke: colours.faint, rx: 3 }),
      );
      if (units[k].label)
        text(
          cut(units[k].label.title, Math.floor(labels[kind] / 5.5)),
          kind === "inputs" ? x - size / 2 - 6 : x + size / 2 + 6,
          y + 4,
          kind === "inputs" ? "end" : "start",
          units[k].label.title,
        );
    });
  });
  text(caption, width / 2, height + 12);
  return new XMLSerializer().serializeToString(root);
}
