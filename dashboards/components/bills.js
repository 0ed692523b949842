/** Booked against billed by day and model, with the likely cause of each gap. */
import { compare } from "../decimal.js";
import { count } from "../format.js";
import { html } from "../vendor.js";
import { Money, Panel, Skeleton } from "./parts.js";

/**
 * @typedef {{cause: string, detail: string, amount_usd: string|null}} Cause
 * @typedef {{day: string, provider: string, model: string, booked_usd: string, billed_usd: string, difference_usd: string,
 *   calls: number, causes: Cause[]}} Row
 */

/** @param {{row: Row}} props */
function BillRow({ row }) {
  const sign = compare(row.difference_usd, "0") > 0 ? "+" : "";
  return html`<tr data-testid="bill-row" data-day=${row.day} data-model=${row.model}>
    <th scope="row" class="num">${row.day}</th>
    <td>${row.provider} <code>${row.model}</code></td>
    <td class="right num">${count(row.calls)}</td>
    <td class="right"><${Money} amount=${row.booked_usd} /></td>
    <td class="right"><${Money} amount=${row.billed_usd} /></td>
    <td class="right">${sign}<${Money} amount=${row.difference_usd} /></td>
    <td class="wrap">${row.causes.map(({ cause, detail }) => html`<div key=${cause + detail}><b>${cause}</b>: ${detail}</div>`)}</td>
  </tr>`;
}

/** @param {{slot: {data: {rows: Row[], totals: any}|null, error: any}}} props */
export function BillsPanel({ slot }) {
  const rows = slot.data?.rows ?? [];
  const totals = slot.data?.totals;
  return html`<${Panel} title="Bills beside the books" slot=${slot} quiet=${false} skeleton=${html`<${Skeleton} rows=${2} />`}
      testid="bills-panel">
    ${rows.length > 0 ? html`<div class="scroll-x" tabindex="0" role="region" aria-label="Table of bills"><table>
      <thead><tr>
        <th scope="col">Day</th><th scope="col">Model</th><th scope="col" class="right">Calls</th>
        <th scope="col" class="right">Booked</th><th scope="col" class="right">Billed</th>
        <th scope="col" class="right">Difference</th><th scope="col">Likely causes</th>
      </tr></thead>
      <tbody>${rows.map((row) => html`<${BillRow} key=${`${row.day} ${row.provider} ${row.model}`} row=${row} />`)}</tbody>
      <tfoot><tr data-testid="bill-totals">
        <th scope="row">All</th><td></td><td class="right num">${count(totals.calls)}</td>
        <td class="right"><${Money} amount=${totals.booked_usd} /></td>
        <td class="right"><${Money} amount=${totals.billed_usd} /></td>
        <td class="right"><${Money} amount=${totals.difference_usd} /></td><td></td>
      </tr></tfoot>
    </table></div>` : html`<p class="nothing" data-testid="no-bills">
      No bill of this range. <code>costspan reconcile import bill.csv</code> brings in what a provider billed.
    </p>`}
  <//>`;
}
