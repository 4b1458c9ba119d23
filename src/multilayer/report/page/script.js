// The page is complete without this script: it recalculates the cost of errors, saves what was
// written into the model card, and marks tables that scroll.

const decimal = (value) => Number(value.toPrecision(6)).toString();

for (const box of document.querySelectorAll(".costs")) {
  const thresholds = JSON.parse(box.dataset.thresholds);
  const falsePositives = JSON.parse(box.dataset.falsePositives);
  const falseNegatives = JSON.parse(box.dataset.falseNegatives);
  const [width, height] = [Number(box.dataset.width), Number(box.dataset.height)];
  const [ofPositive, ofNegative] = box.querySelectorAll("input");
  const rows = [...box.closest("section").querySelectorAll("tbody tr")];

  const show = () => {
    const [a, b] = [ofPositive, ofNegative].map((input) => Math.max(0, Number(input.value) || 0));
    const costs = thresholds.map((_, k) => a * falsePositives[k] + b * falseNegatives[k]);
    const most = Math.max(...costs) || 1;
    const best = costs.indexOf(Math.min(...costs));
    const place = (k) => [width * thresholds[k], height * (1 - costs[k] / most)];
    box.querySelector("polyline").setAttribute("points", costs.map((_, k) => place(k).join(",")).join(" "));
    const [x, y] = place(best);
    box.querySelector("circle").setAttribute("cx", x);
    box.querySelector("circle").setAttribute("cy", y);
    box.querySelector(".most").textContent = decimal(most);
    const usual = costs[thresholds.indexOf(0.5)];
    box.querySelector(".result").textContent =
      `The lowest cost is ${decimal(costs[best])}, at threshold ${thresholds[best].toFixed(2)}. ` +
      `At threshold 0.50 it is ${decimal(usual)}.`;
    for (const row of rows) {
      const cells = [...row.cells].slice(-3);
      cells[2].textContent = decimal(a * Number(cells[0].textContent) + b * Number(cells[1].textContent));
    }
  };
  for (const input of [ofPositive, ofNegative]) {
    input.addEventListener("input", () => {
      input.setAttribute("value", input.value); // so that a saved page keeps it
      show();
    });
  }
  show();
}

for (const button of document.querySelectorAll(".save")) {
  button.hidden = window.top !== window; // a frame in a notebook may not download
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`<!DOCTYPE html>\n${document.documentElement.outerHTML}\n`]));
    link.download = `${document.title.replace(/[^\p{L}\p{N}]+/gu, "-")}.html`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

const markScrolling = () => {
  for (const box of document.querySelectorAll(".wide")) {
    const scrolls = box.scrollWidth > box.clientWidth + 1;
    box.classList.toggle("scrolls", scrolls);
    box.tabIndex = scrolls ? 0 : -1; // so that the keyboard can scroll it
  }
};
addEventListener("resize", markScrolling);
markScrolling();
