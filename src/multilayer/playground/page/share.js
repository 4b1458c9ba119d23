// Sharing: the settings, the picture as PNG and SVG, the model file, the same in Python.

import { notShared, readShared, shared } from "./address.js";
import { drawing, networkDrawing } from "./drawing.js";
import { door } from "./socket.js";
import { $, sentence } from "./words.js";

const SCALE = 3; // pixels of the PNG for each of the page

function download(content, name) {
  const link = document.createElement("a");
  link.href = typeof content === "string" ? content : URL.createObjectURL(content);
  link.download = name;
  link.click();
  if (typeof content !== "string") setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // where the browser keeps the clipboard shut, the old way
    const field = document.createElement("textarea");
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

/** on: send, wrong, picture, view: the network, caption(), opened(state), state(), ask({settings, points}) */
export function startShare({ send, wrong, picture, view, caption, opened, state, ask }) {
  const say = (text) => {
    $("shared").textContent = text;
  };
  $("share").addEventListener("click", () => {
    say("");
    $("settings-text").value = shared(state());
    $("not-shared").textContent = notShared(state());
    $("share-dialog").showModal();
  });
  $("copy-settings").addEventListener("click", async () => {
    await copy($("settings-text").value);
    say("The settings are copied.");
  });
  $("open-settings").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = $("pasted-settings");
    const asked = readShared(field.value);
    if (!asked) return say("This text holds no settings of a playground, such as data=spiral&layers=8,8.");
    field.value = "";
    $("share-dialog").close();
    ask(asked);
  });
  $("save-png").addEventListener("click", async () => {
    const image = new Image();
    const address = URL.createObjectURL(new Blob([drawing(picture, caption())], { type: "image/svg+xml" }));
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [SCALE * image.width, SCALE * image.height];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    canvas.toBlob((blob) => download(blob, "playground.png"));
    say("playground.png is saved.");
  });
  $("save-svg").addEventListener("click", () => {
    download(new Blob([drawing(picture, caption())], { type: "image/svg+xml" }), "playground.svg");
    say("playground.svg is saved.");
  });
  $("save-network").addEventListener("click", () => {
    download(new Blob([networkDrawing(view, caption())], { type: "image/svg+xml" }), "network.svg");
    say("network.svg is saved.");
  });
  $("save-model").addEventListener("click", () => {
    download(door("model"), "playground.mlp");
    say("playground.mlp is saved.");
  });
  $("open-model").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    try {
      const answer = await fetch(door("model"), {
        method: "POST",
        body: file,
        headers: { "Content-Type": "application/octet-stream" },
      });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) return say(sentence(said.error ?? `The server refused the file (HTTP ${answer.status})`));
      if (said.say === "state") opened(said);
      say(`${file.name} is open.`);
    } catch {
      wrong("The model could not be sent: the server does not answer.");
    }
  });
  $("python").addEventListener("click", () => send({ do: "python" }));
  $("copy-python").addEventListener("click", async () => {
    await copy($("python-code").textContent);
    $("copy-python").textContent = "Copied";
    setTimeout(() => {
      $("copy-python").textContent = "Copy";
    }, 1500);
  });
}

export function showPython(code) {
  $("python-code").textContent = code;
  if (!$("python-dialog").open) $("python-dialog").showModal();
}
