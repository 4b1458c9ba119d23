// Where the columns and units of the network stand, by the room that there is.

export const MOST = 16; // units drawn of one layer; the rest is told in words

const CONTROLS = 104; // width of the controls above a layer
const LINES = 22; // least room between two columns, for the lines
const LETTER = 7; // pixels
const LINE = 15; // height of a line of a label
const NARROW = 480;
const LEAST = 0.6; // of their width, for labels

/** Width of the labels beside a column; a long one takes two lines. */
function labelWidth(labels, most) {
  const letters = Math.max(...labels.map((label) => label.length));
  return Math.min(most, Math.max(34, LETTER * (letters > 12 ? Math.max(12, letters * 0.6) : letters)));
}

/**
 * sizes: units of the columns; labels: {inputs, outputs}; room: pixels across.
 * Where the controls of the layers find no room above them, the drawing is compact, and they stand in a list.
 */
export function layOut(sizes, labels, room) {
  const drawn = sizes.map((n) => Math.min(MOST, n));
  const most = Math.max(...drawn);
  const gaps = sizes.length - 1;
  const widest = room < NARROW ? 72 : 124;
  let before = labelWidth(labels.inputs, widest) + 8;
  let after = labelWidth(labels.outputs, widest) + 8;
  let size = most <= 6 ? 46 : most <= 8 ? 40 : most <= 10 ? 34 : 24;
  const compact = gaps > 1 && room < before + after + size + gaps * CONTROLS;
  let across = (room - before - after - size) / gaps;
  if (compact) {
    size = Math.max(24, Math.min(size, across - LINES));
    // labels give way before a part of the network is out of sight
    const share = (room - size - gaps * (size + LINES)) / (before + after);
    if (share < 1 && share > LEAST) [before, after] = [before * share, after * share];
    across = Math.max(size + LINES, (room - before - after - size) / gaps);
  }
  const pitch = size + (most <= 8 ? 16 : most <= 10 ? 9 : 6);
  const head = compact ? 24 : 66;
  const more = (l) => (sizes[l] > MOST ? 24 : 4);
  const height = head + Math.max(5 * 50, most * pitch) + (sizes.some((n) => n > MOST) ? 24 : 4);
  const first = before + size / 2;
  const columns = sizes.map((_, l) => {
    const top = head + (height - head - more(l) - drawn[l] * pitch) / 2;
    return {
      x: first + l * across,
      ys: Array.from({ length: drawn[l] }, (_, k) => top + k * pitch + pitch / 2),
    };
  });
  const width = first + gaps * across + size / 2 + after;
  const lines = Math.min(3, Math.floor(pitch / LINE));
  return { compact, width, height, size, columns, lines, labels: { inputs: before - 8, outputs: after - 8 } };
}
