/** Re-ratings: what each moved, its progress, and the way back. */
import { change } from "../api.js";
import { compare } from "../decimal.js";
import { count } from "../format.js";
import { html, useState } from "../vendor.js";
import { Badge, Money, Notice, Panel, Skeleton, Time } from "./parts.js";

/**
 * @typedef {{id: number, state: string, from_time: string, to_time: string, filter: string, reason: string,
 *   created_by: string, created_at: string, calls_in_range: number, calls_looked_at: number, calls_touched: number,
 *   calls_restored: number, before_usd: string, after_usd: string, difference_usd: string, error: string|null}} Run
 */

const STATES = /** @type {Record<string, {tone: "ok"|"warn"|"bad"|"quiet", word: string}>} */ ({
  previewing: { tone: "quiet", word: "Looking" },
  previewed: { tone: "warn", word: "Preview" },
  applying: { tone: "warn", word: "Applying" },
  applied: { tone: "ok", word: "Applied" },
  undoing: { tone: "warn", word: "Undoing" },
  undone: { tone: "quiet", word: "Undone" },
});
const MOVING = ["previewing", "applying", "undoing"];

/** @param {{run: Run}} props */
function Progress({ run }) {
  const done = run.state === "undoing" ? run.calls_restored : run.calls_looked_at;
  const whole = Math.max(1, run.state === "undoing" ? run.calls_touched : run.calls_in_range, done);
  return html`<progress max=${whole} value=${done}>${count(done)} of ${count(whole)}</progress>`;
}

/** @param {{run: Run, zone: string, onChanged: () => void}} props */
function Row({ run, zone, onChanged }) {
  const [error, setError] = useState(/** @type {import("../api.js").ApiError|null} */ (null));
  const step = (/** @type {"apply"|"undo"} */ name) => async () => {
    setError(null);
    try {
      await change("POST", `rerates/${run.id}/${name}`, name === "undo" ? { by: "the page" } : {});
      onChanged();
    } catch (thrown) {
      setError(/** @type {import("../api.js").ApiError} */ (thrown));
    }
  };
  const { tone, word } = STATES[run.state] ?? { tone: "quiet", word: run.state };
  const sign = compare(run.difference_usd, "0") > 0 ? "+" : "";
  return html`<tr data-testid="rerate-row" data-rerate=${run.id} data-state=${run.state}>
    <th scope="row">${run.id}</th>
    <td><${Badge} tone=${tone}>${word}<//></td>
    <td><${Time} at=${run.created_at} zone=${zone} /></td>
    <td class="wrap">${run.reason || run.filter || "all calls"}${run.created_by && html`<span class="muted"> by ${run.created_by}</span>`}</td>
    <td class="right num">${MOVING.includes(run.state) ? html`<${Progress} run=${run} />` : count(run.calls_touched)}</td>
    <td class="right"><${Money} amount=${run.before_usd} /></td>
    <td class="right"><${Money} amount=${run.after_usd} /></td>
    <td class="right">${sign}<${Money} amount=${run.difference_usd} /></td>
    <td class="right">
      ${run.state === "previewed" && run.calls_touched > 0 && html`
        <button type="button" class="button" data-testid="rerate-apply" onClick=${step("apply")}>Apply</button>`}
      ${run.state === "applied" && run.calls_touched > 0 && html`
        <button type="button" class="button" data-testid="rerate-undo" onClick=${step("undo")}>Undo</button>`}
      ${(error || run.error) && html`<${Notice} what=${error ? error.message : run.error} />`}
    </td>
  </tr>`;
}

const HEADS = ["Calls", "Before", "After", "Difference"];

/** @param {{slot: {data: {rows: Run[]}|null, error: any}, zone: string, onChanged: () => void}} props */
export function RerateList({ slot, zone, onChanged }) {
  const rows = slot.data?.rows ?? [];
  return html`<${Panel} title="Re-ratings" slot=${slot} quiet=${false} skeleton=${html`<${Skeleton} rows=${2} />`}
      testid="rerates-panel">
    ${rows.length > 0 ? html`<div class="scroll-x" tabindex="0" role="region" aria-label="Table of re-ratings"><table>
      <thead><tr>
        <th scope="col">No.</th><th scope="col">State</th><th scope="col">When</th><th scope="col">What for</th>
        ${HEADS.map((head) => html`<th key=${head} scope="col" class="right">${head}</th>`)}
        <th scope="col"><span class="visually-hidden">What can be done</span></th>
      </tr></thead>
      <tbody>${rows.map((run) => html`<${Row} key=${run.id} run=${run} zone=${zone} onChanged=${onChanged} />`)}</tbody>
    </table></div>` : html`<p class="nothing" data-testid="no-rerates">
      None yet. After a correction of prices, <code>costspan rerate --from …</code> shows what would change.
    </p>`}
  <//>`;
}
