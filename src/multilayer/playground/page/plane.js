// Pictures over the plane: bytes of the server to pixels, in buffers that are kept.

const kept = new Map();

function buffer(width, height) {
  const key = `${width}×${height}`;
  if (!kept.has(key)) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    kept.set(key, { canvas, context, image, words: new Uint32Array(image.data.buffer) });
  }
  return kept.get(key);
}

/** One value a pixel through a table of colours. Row 0 of the data is the lowest, of a picture the highest. */
function single(words, data, offset, width, height, colours) {
  for (let row = 0; row < height; row++) {
    let from = offset + (height - 1 - row) * width;
    for (let to = row * width, end = to + width; to < end; ) words[to++] = colours[data[from++]];
  }
}

/** Several classes: their tints mixed as their probabilities say. */
function several(words, data, classes, width, height, tints) {
  const size = width * height;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (height - 1 - row) * width + column;
      let r = 0;
      let g = 0;
      let b = 0;
      let sum = 0;
      for (let k = 0; k < classes; k++) {
        const p = data[k * size + from];
        const tint = tints[k % tints.length];
        r += p * tint[0];
        g += p * tint[1];
        b += p * tint[2];
        sum += p;
      }
      sum = sum || 1;
      words[row * width + column] = 0xff000000 | ((b / sum) << 16) | ((g / sum) << 8) | (r / sum);
    }
  }
}

/** The canvas of an output array (K, height, width): kept, and overwritten by the next call. */
export function outputImage({ data, shape }, regression, colours) {
  const [classes, height, width] = shape;
  const { canvas, context, image, words } = buffer(width, height);
  if (classes === 1) single(words, data, 0, width, height, regression ? colours.number : colours.signed);
  else several(words, data, classes, width, height, colours.tints);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Paints picture `index` of an array (units, height, width) into a canvas of its own. */
export function paintUnit(context, { data, shape }, index, colours) {
  const [, height, width] = shape;
  const { canvas } = context;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const { image, words } = buffer(width, height);
  single(words, data, index * width * height, width, height, colours);
  context.putImageData(image, 0, 0);
}

/** The canvas of one unit's picture. */
export function unitImage(array, index, colours) {
  const [, height, width] = array.shape;
  const { canvas, context } = buffer(width, height);
  paintUnit(context, array, index, colours);
  return canvas;
}

/** Where a field crosses zero: marching squares; calls line(x1, y1, x2, y2) in cells, y upwards. */
export function contour(field, width, height, line) {
  for (let y = 0; y < height - 1; y++) {
    for (let x = 0; x < width - 1; x++) {
      const at = y * width + x;
      const a = field[at];
      const b = field[at + 1];
      const c = field[at + width + 1];
      const d = field[at + width];
      const which = (a > 0) | ((b > 0) << 1) | ((c > 0) << 2) | ((d > 0) << 3);
      if (which === 0 || which === 15) continue;
      const crossings = [];
      if (a > 0 !== b > 0) crossings.push(x + a / (a - b), y);
      if (b > 0 !== c > 0) crossings.push(x + 1, y + b / (b - c));
      if (c > 0 !== d > 0) crossings.push(x + d / (d - c), y + 1);
      if (d > 0 !== a > 0) crossings.push(x, y + a / (a - d));
      for (let i = 0; i + 3 < crossings.length; i += 4)
        line(crossings[i], crossings[i + 1], crossings[i + 2], crossings[i + 3]);
    }
  }
}

let field = new Float32Array(0);
let smooth = new Float32Array(0);

/** Each value the mean of itself and its neighbours along one way: a sharp edge is no staircase then. */
function blur(from, to, lines, length, next, step) {
  for (let l = 0; l < lines; l++) {
    const first = l * next;
    const last = first + (length - 1) * step;
    [to[first], to[last]] = [from[first], from[last]];
    for (let i = first + step; i < last; i += step) to[i] = (from[i - step] + 2 * from[i] + from[i + step]) / 4;
  }
}

/** Lines between the classes; for a number, lines of equal height. */
export function borders({ data, shape }, regression, line) {
  const [classes, height, width] = shape;
  const size = width * height;
  if (field.length !== size) [field, smooth] = [new Float32Array(size), new Float32Array(size)];
  const draw = () => {
    blur(field, smooth, height, width, width, 1);
    blur(smooth, field, width, height, 1, width);
    contour(field, width, height, line);
  };
  if (classes === 1) {
    for (const level of regression ? [51.1, 102.1, 153.1, 204.1] : [127.5]) {
      for (let i = 0; i < size; i++) field[i] = data[i] - level;
      draw();
    }
    return;
  }
  for (let k = 0; k < classes; k++) {
    for (let i = 0; i < size; i++) {
      let other = 0;
      for (let j = 0; j < classes; j++) if (j !== k && data[j * size + i] > other) other = data[j * size + i];
      field[i] = data[k * size + i] - other - 0.01;
    }
    draw();
  }
}
