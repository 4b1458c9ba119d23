// Hand and keyboard on the picture: a value at a place, a row to follow, points to draw.

import { readout } from "./legend.js";
import { $, write } from "./words.js";

const HINT = "Click a row to follow it through the network.";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const STEP = 0.03; // of the picture's width, for each press of an arrow

/** on: picture, pen, state(), free(): no unit is shown in its place, follow(index or null), place({x, y}) */
export function startPointing({ picture, pen, state, free, follow, place }) {
  const { canvas } = picture;
  const cross = $("cross");
  let cursor = null;

  const tell = (at) => write($("readout"), at && state() ? readout(state(), at, picture.value(at)) : HINT);

  for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
    canvas.addEventListener(type, (event) => {
      if (pen.handle(event) || type !== "pointermove" || !free()) return;
      tell(picture.locate(event.offsetX, event.offsetY));
      canvas.classList.toggle("on-point", picture.nearest(event.offsetX, event.offsetY) !== null);
    });
  }
  canvas.addEventListener("pointerleave", () => tell(null));
  canvas.addEventListener("click", (event) => {
    if (pen.active || !state()) return;
    const index = picture.nearest(event.offsetX, event.offsetY);
    const at = picture.locate(event.offsetX, event.offsetY);
    if (index !== null) follow(index);
    else if (at) place(at);
  });

  /** The arrows move a cross over the picture; Enter follows the place where it stands. */
  function move([across, up]) {
    const [xmin, xmax, ymin, ymax] = state().span;
    const bound = (v) => Math.max(0, Math.min(1, v));
    const { u, v } = cursor ?? { u: 0.5, v: 0.5 };
    cursor = { u: bound(u + across * STEP), v: bound(v + up * STEP) };
    const at = { ...cursor, x: xmin + cursor.u * (xmax - xmin), y: ymin + cursor.v * (ymax - ymin) };
    const [px, py] = picture.place(at.x, at.y);
    cross.hidden = false;
    cross.style.left = `${px}px`;
    cross.style.top = `${py}px`;
    Object.assign(cursor, at);
    tell(at);
  }

  canvas.addEventListener("keydown", (event) => {
    if (!state()) return;
    if (ARROWS[event.key]) {
      event.preventDefault();
      move(ARROWS[event.key]);
    } else if (event.key === "Enter") {
      if (cursor) place(cursor);
      else follow(null);
    }
  });
  canvas.addEventListener("blur", () => {
    cursor = null;
    cross.hidden = true;
  });
}
