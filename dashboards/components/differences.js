/** Where providers' own charges and emitters' figures differ from what our prices give. */
import { count } from "../format.js";
import { html } from "../vendor.js";
import { Money, Panel, Skeleton } from "./parts.js";

/**
 * @typedef {{day: string, provider: string, model: string, who: "provider"|"emitter", calls: number, differing_calls: number,
 *   ours_usd: string, theirs_usd: string, cause: string}} Row
 */

/** @param {{slot: {data: {rows: Row[]}|null, error: any}}} props */
export function DifferencesPanel({ slot }) {
  const rows = slot.data?.rows ?? [];
  const line = (/** @type {Row} */ row) => html`
    <tr key=${`${row.day} ${row.provider} ${row.model} ${row.who}`} data-testid="difference-row">
      <th scope="row" class="num">${row.day}</th>
      <td>${row.provider} <code>${row.model}</code></td>
      <td>${row.who === "provider" ? "the provider's charge" : "the emitter's figure"}</td>
      <td class="right num">${count(row.differing_calls)} of ${count(row.calls)}</td>
      <td class="right"><${Money} amount=${row.ours_usd} /></td>
      <td class="right"><${Money} amount=${row.theirs_usd} /></td>
      <td class="wrap">${row.cause}</td>
    </tr>`;
  return html`<${Panel} title="What others say that calls cost" slot=${slot} quiet=${false}
      skeleton=${html`<${Skeleton} rows=${2} />`} testid="differences-panel">
    ${rows.length > 0 ? html`<div class="scroll-x" tabindex="0" role="region" aria-label="Table of differences"><table>
      <thead><tr>
        <th scope="col">Day</th><th scope="col">Model</th><th scope="col">Who</th><th scope="col" class="right">Calls</th>
        <th scope="col" class="right">Ours</th><th scope="col" class="right">Theirs</th><th scope="col">Likely cause</th>
      </tr></thead>
      <tbody>${rows.map(line)}</tbody>
    </table></div>` : html`<p class="nothing" data-testid="no-differences">
      No call of this range differs by more than one per cent from what the provider or the emitter says.
    </p>`}
  <//>`;
}
