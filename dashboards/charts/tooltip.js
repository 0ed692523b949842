/** The card beside the pointer. It never covers the place it speaks of and never leaves the chart. */
import { html } from "../vendor.js";

/**
 * @typedef {object} Description   of one bucket, in words and exact figures
 * @property {string} title
 * @property {string} total
 * @property {{label: string, class: string, value: string}[]} lines  top of the stack first
 * @property {string[]} notes
 */

/** @param {Description} description @returns {string} the same, for a screen reader */
export function spoken({ title, total, lines, notes }) {
  const parts = lines.map(({ label, value }) => `${label} ${value}`);
  return [`${title}: ${total}`, ...parts, ...notes].join("; ");
}

/** @param {{description: Description, x: number, width: number}} props  x: the middle of the bucket */
export function Tooltip({ description, x, width }) {
  const left = x > width / 2;
  const place = left ? { right: `${width - x + 14}px` } : { left: `${x + 14}px` };
  return html`<div class="tooltip" style=${{ left: "auto", right: "auto", ...place }} data-testid="chart-tooltip">
    <div class="tooltip-title">${description.title}</div>
    <div class="tooltip-line tooltip-total"><span>Total</span><span class="num">${description.total}</span></div>
    ${description.lines.map(({ label, class: colour, value }) => html`
      <div class="tooltip-line" key=${label}>
        <span><i class="swatch ${colour}"></i>${label}</span>
        <span class="num">${value}</span>
      </div>`)}
    ${description.notes.map((note) => html`<div class="tooltip-note" key=${note}>${note}</div>`)}
  </div>`;
}
