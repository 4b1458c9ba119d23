// Another target: where the server refuses the one that was asked for, the columns of the table to choose from.

import { $, cut, make, sentence, show } from "./words.js";

const plural = (n, word) => `${show(n)} ${word}${n === 1 ? "" : "s"}`;

/** What a column holds, for a person who chooses. */
function facts({ distinct, missing }) {
  const parts = distinct === null ? [] : [plural(distinct, "distinct value")];
  if (missing) parts.push(`${show(missing)} missing`);
  return parts.join(", ");
}

/** on: set(settings) */
export class TargetChoice {
  constructor({ set }) {
    this.offered = null;
    $("target-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = $("target-form").querySelector("input:checked");
      if (chosen) set({ data: "table", target: chosen.value });
    });
    $("choose-target").addEventListener("click", () => $("target-dialog").showModal());
  }

  /** The server's refusal: {message, file, columns, target}. */
  offer({ message, file, columns, target }) {
    this.offered = file;
    const refused = target === null ? "" : `The column “${cut(target, 60)}” cannot be the target. `;
    $("target-wrong").textContent = refused + sentence(message);
    $("choose-target").textContent = `Choose the target of ${cut(file, 24)}…`;
    $("choose-target").title = file;
    $("choose-target").hidden = false;
    const row = (column, k) => {
      const id = `target-${k}`;
      const input = make("input", { type: "radio", name: "target", id, value: column.name, required: true });
      input.checked = column.name === target;
      return make(
        "tr",
        {},
        make("td", {}, input),
        make("th", { scope: "row" }, make("label", { for: id, title: column.name }, column.name)),
        make("td", {}, column.holds),
        make("td", {}, facts(column)),
        make("td", { class: "faint" }, cut(column.examples.join(", "), 40)),
      );
    };
    $("target-columns").replaceChildren(
      make(
        "thead",
        {},
        make("tr", {}, ...["", "column", "holds", "values", "such as"].map((name) => make("th", {}, name))),
      ),
      make("tbody", {}, ...columns.map(row)),
    );
    const dialog = $("target-dialog");
    if (!dialog.open) dialog.showModal();
    ($("target-columns").querySelector("input:checked") ?? $("target-use")).focus();
  }

  /** A table that is trained on needs no choice any more. */
  setState(state) {
    if (this.offered !== null && state.settings.data === "table" && state.file === this.offered) this.forget();
  }

  /** Another file has taken the place of the one that was refused. */
  forget() {
    this.offered = null;
    $("choose-target").hidden = true;
    if ($("target-dialog").open) $("target-dialog").close();
  }
}
