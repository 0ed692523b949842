/** Spend by group as a table: money first, then what it bought. Totals are the API's. */
import { toNumber } from "../decimal.js";
import { columnDecimals, count, perCall, share, totalDecimals, UNKNOWN } from "../format.js";
import { html, useState } from "../vendor.js";
import { DIMENSIONS } from "../view.js";
import { knownCost, reservations } from "./cost.js";
import { Count, Icon, Money } from "./parts.js";

/**
 * @typedef {import("../types.js").Measures} Measures
 * @typedef {import("./spend-model.js").Group} Group
 */

/** More than these are shown on request; the totals always hold all. */
const GROUPS_SHOWN = 12;

/** @param {Measures} row @returns {string|null} the mean over calls whose cost is known; null if there are none */
function meanCost(row) {
  const known = row.calls - row.unpriced_calls;
  return known > 0 ? perCall(row.cost_usd, known) : null;
}

/** @param {{row: Measures}} props */
function Accuracy({ row: { labelled_calls: labelled, correct_calls: correct } }) {
  if (labelled === 0) return html`<span class="num unknown" title="No call has a label">${UNKNOWN}</span>`;
  const words = `${count(correct)} of ${count(labelled)} labelled calls are correct`;
  return html`<span class="num" title=${words}>
    ${share(correct, labelled)}${" "}<small>${count(correct)}/${count(labelled)}</small>
  </span>`;
}

/** @param {{row: Measures, decimals: number}} props */
function Cost({ row, decimals }) {
  const said = reservations(row);
  return html`<${Money} amount=${knownCost(row)} decimals=${decimals} />
    ${said.length > 0 && html`<small class="reservation"><${Icon} name="warning" />${said.join(", ")}</small>`}`;
}

/** The cells that groups and totals share. @param {{row: Measures, decimals: number, meanDecimals: number}} props */
function Figures({ row, decimals, meanDecimals }) {
  return html`
    <td class="right"><${Cost} row=${row} decimals=${decimals} /></td>
    <td class="right"><${Money} amount=${meanCost(row)} decimals=${meanDecimals} /></td>
    <td class="right">
      <${Count} value=${row.calls} />
      ${row.errors > 0 && html`<small class="failed">${count(row.errors)} failed</small>`}
    </td>
    <td class="right"><${Count} value=${row.input_tokens} unit="tokens" /></td>
    <td class="right"><${Count} value=${row.output_tokens} unit="tokens" /></td>
    <td class="right"><${Accuracy} row=${row} /></td>`;
}

/** @param {{cost: string|null, whole: number, class: string}} props */
function ShareBar({ cost, whole, class: colour }) {
  const value = toNumber(cost);
  const width = `${(whole > 0 ? (value / whole) * 100 : 0).toFixed(2)}%`;
  return html`<span class="share" title="Share of the known cost">
    <span class="share-track"><span class="share-fill ${colour}" style=${{ width }}></span></span>
    <span class="num">${whole > 0 && cost !== null ? share(value, whole) : UNKNOWN}</span>
  </span>`;
}

/** @param {{dimension: import("../view.js").Dimension}} props */
function Head({ dimension }) {
  const figures = ["Cost", "Per call", "Calls", "Tokens in", "Tokens out", "Correct"];
  return html`<thead><tr>
    <th scope="col">${DIMENSIONS[dimension].label}</th>
    <th scope="col">Share</th>
    ${figures.map((text) => html`<th key=${text} scope="col" class="right">${text}</th>`)}
  </tr></thead>`;
}

/**
 * @param {{groups: Group[], totals: Measures, dimension: import("../view.js").Dimension,
 *   onHighlight: (key: string|null) => void}} props
 */
export function SpendTable({ groups, totals, dimension, onHighlight }) {
  const [all, setAll] = useState(false);
  const shown = all || groups.length <= GROUPS_SHOWN + 1 ? groups : groups.slice(0, GROUPS_SHOWN);
  const decimals = totalDecimals(totals.cost_usd);
  const meanDecimals = columnDecimals([...shown.map(({ row }) => meanCost(row)), meanCost(totals)]);
  const whole = toNumber(totals.cost_usd);
  const line = (/** @type {Group} */ { key, value, label, class: colour, row }) => html`
    <tr key=${key} data-testid="${dimension}-row" ...${{ [`data-${dimension}`]: value ?? "" }}
      onPointerEnter=${() => onHighlight(key)} onPointerLeave=${() => onHighlight(null)}>
      <th scope="row" title=${label}>
        <i class="swatch ${colour}"></i><span class=${value === null ? "none" : ""}>${label}</span>
      </th>
      <td><${ShareBar} cost=${knownCost(row)} whole=${whole} class=${colour} /></td>
      <${Figures} row=${row} decimals=${decimals} meanDecimals=${meanDecimals} />
    </tr>`;
  return html`
    <div class="scroll-x" tabindex="0" role="region" aria-label="Table of spend by ${dimension}">
      <table class="spend-table" data-testid="spend-table">
        <${Head} dimension=${dimension} />
        <tbody>${shown.map(line)}</tbody>
        <tfoot><tr data-testid="spend-totals">
          <th scope="row">Total</th>
          <td></td>
          <${Figures} row=${totals} decimals=${decimals} meanDecimals=${meanDecimals} />
        </tr></tfoot>
      </table>
    </div>
    ${shown.length < groups.length && html`
      <button type="button" class="button more" data-testid="show-all-groups" onClick=${() => setAll(true)}>
        Show ${count(groups.length - shown.length)} more
      </button>`}`;
}
