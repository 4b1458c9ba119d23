// The line to the server: JSON out, JSON and pictures in. A picture is acknowledged once drawn, so none ever queue.

const TYPES = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, i4: Int32Array, u4: Uint32Array };

/** One binary frame: its header with `arrays` by name, each {data, shape} and no copy of the bytes. */
export function parseFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const arrays = {};
  for (const { name, type, shape } of header.arrays) {
    at = (at + 3) & ~3;
    const size = shape.reduce((a, b) => a * b, 1);
    arrays[name] = { data: new TYPES[type](buffer, at, size), shape };
    at += size * TYPES[type].BYTES_PER_ELEMENT;
  }
  return { ...header, arrays };
}

let page = "";

/** The address of a file to send or to fetch: of this page's session alone. */
export const door = (name) => (page ? `${name}/${page}` : name);

/** handlers: one function for each `say`, and frame, open, closed. `frame` is called in an animation frame. */
export function connect(handlers) {
  const address = new URL("socket", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  address.hash = "";
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  let waiting = null;
  let over = null;
  const early = []; // said before the line was open

  const send = (message) => {
    const text = JSON.stringify(message);
    if (socket.readyState === WebSocket.OPEN) socket.send(text);
    else if (socket.readyState === WebSocket.CONNECTING) early.push(text);
  };
  socket.addEventListener("open", () => {
    for (const text of early) socket.send(text);
  });

  function draw() {
    const frame = waiting;
    waiting = null;
    try {
      handlers.frame(frame);
    } finally {
      send({ do: "seen", frame: frame.frame });
    }
  }

  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.say === "over") over = message.message;
      if (message.say === "hello") page = message.page ?? "";
      handlers[message.say]?.(message);
      return;
    }
    const idle = waiting === null;
    waiting = parseFrame(data);
    if (idle) requestAnimationFrame(draw);
  });
  socket.addEventListener("close", () => handlers.closed(over));
  return { send };
}
