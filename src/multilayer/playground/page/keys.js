// The keyboard, and light or dark.

import { isDark } from "./colour.js";
import { $ } from "./words.js";

const KEYS = { " ": "play", ".": "epoch-once", ",": "step-once", r: "reset", R: "reset" };
const OWN_SPACE = "button, summary, [type=checkbox], [type=radio], label";

/** A field where letters are typed. */
const typing = (element) =>
  element.matches?.("textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio])");

export function startKeys() {
  addEventListener("keydown", (event) => {
    const id = KEYS[event.key];
    if (!id || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]") || (event.key === " " && event.target.matches?.(OWN_SPACE))) return;
    event.preventDefault();
    $(id).click();
  });
}

export function startTheme() {
  const root = document.documentElement;
  try {
    const kept = localStorage.getItem("multilayer-theme");
    if (kept) root.dataset.theme = kept;
  } catch {
    /* a browser may keep its storage shut */
  }
  $("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("multilayer-theme", root.dataset.theme);
    } catch {
      /* as above */
    }
  });
}
