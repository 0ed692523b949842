/** Budgets and how much of each is used in the period that runs now. */
import { compare, toNumber } from "../decimal.js";
import { money, plural, thresholdWords, totalDecimals, usedShare } from "../format.js";
import { fullDay, clock, roughly, zoneName } from "../time.js";
import { html } from "../vendor.js";
import { Badge, Money, Notice, Panel, Skeleton } from "./parts.js";

/**
 * @typedef {import("../types.js").Budget} Budget
 * @typedef {import("../types.js").Standing} Standing
 */

/** Each budget is a question of its own, asked again with every change. */
export const BUDGETS_SHOWN = 50;
const SCOPES_SHOWN = 4;

const STATES = /** @type {Record<string, {tone: "ok"|"warn"|"bad", icon: any, word: string}>} */ ({
  ok: { tone: "ok", icon: "check", word: "Within" },
  warned: { tone: "warn", icon: "warning", word: "Warned" },
  breached: { tone: "bad", icon: "stop", word: "Breached" },
});

/** @param {string} state @returns {{tone: "ok"|"warn"|"bad", icon: any, word: string}} */
export function stateWords(state) {
  return STATES[state] ?? { tone: "warn", icon: "warning", word: state };
}

/** @param {number} value @returns {Record<string, string>} */
const leftAt = (value) => ({ left: `${(value * 100).toFixed(2)}%` });

/**
 * The used share as a bar. It ends at the amount, or at what was spent where that is more; ticks mark the thresholds.
 * @param {{standing: Standing, budget: Budget}} props
 */
function UsedBar({ standing, budget }) {
  const ratio = Math.max(0, toNumber(standing.ratio));
  const whole = Math.max(1, ratio);
  const { word } = stateWords(standing.state);
  const thresholds = budget.thresholds.map((threshold) => toNumber(threshold)).filter((at) => at > 0 && at <= whole);
  const tick = (/** @type {number} */ at) => html`
    <span key=${at} class="meter-tick ${at >= 1 ? "amount" : ""}" title="Alerts at ${thresholdWords(at)}"
      style=${at / whole >= 0.999 ? { left: "auto", right: "0" } : leftAt(at / whole)}></span>`;
  return html`<div class="meter ${standing.state}" role="meter" aria-label=${budget.name}
      aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.min(100, Math.floor(ratio * 100))}
      aria-valuetext="${usedShare(standing.ratio)} used, ${word}">
    <span class="meter-fill" style=${{ width: `${(Math.min(1, ratio) / whole * 100).toFixed(2)}%` }}></span>
    ${ratio > 1 && html`<span class="meter-over" style=${{ ...leftAt(1 / whole), right: "0" }}></span>`}
    ${thresholds.map(tick)}
  </div>`;
}

/** @param {{state: string}} props */
function StateBadge({ state }) {
  const { tone, icon, word } = stateWords(state);
  return html`<${Badge} tone=${tone} icon=${icon}>${word}<//>`;
}

/** @param {{standing: Standing, budget: Budget, named: boolean}} props */
function StandingRow({ standing, budget, named }) {
  const { scope, state, ratio, spent_usd: spent } = standing;
  return html`<div class="standing" data-testid="standing-row" data-scope=${scope} data-state=${state}>
    ${named && html`<div class="standing-scope">
      ${scope || "everything"}${state !== "ok" && html`<${StateBadge} state=${state} />`}
    </div>`}
    <${UsedBar} standing=${standing} budget=${budget} />
    <div class="standing-line">
      <span>
        <${Money} amount=${spent} decimals=${totalDecimals(budget.amount_usd)} />
        <span class="muted"> of </span>
        <${Money} amount=${budget.amount_usd} />
      </span>
      <strong class="num" title="${ratio} of the amount, exactly">${usedShare(ratio)}</strong>
    </div>
  </div>`;
}

/** @param {Standing[]} standings @returns {"ok"|"warned"|"breached"|"unknown"} the worst */
function worstOf(standings) {
  const order = /** @type {const} */ (["breached", "warned", "ok"]);
  return order.find((state) => standings.some((standing) => standing.state === state)) ?? "unknown";
}

/** @param {{budget: Budget, standing: Standing|undefined, zone: string}} props  which period, and when it ends */
function Period({ budget: { period, amount_usd: amount }, standing, zone }) {
  if (!standing) return html`${money(amount)} a ${period}`;
  const at = Date.parse(standing.period_end);
  const left = at - Date.now();
  const exactly = `${fullDay(at, zone)} ${clock(at, zone)} ${zoneName(at, zone)}`;
  return html`${period === "day" ? "today" : `this ${period}`},${" "}
    <time datetime=${standing.period_end} title=${exactly}>${left > 0 ? `ends in ${roughly(left)}` : "ended"}</time>`;
}

/** @param {{budget: Budget}} props  what counts towards it */
function Scope({ budget: { filter, fan_out: fanOut } }) {
  const each = fanOut.length > 0 && html`${", each "}<code>${fanOut.join(", ")}</code>`;
  return html`<span title="What counts">${filter ? html`<code>${filter}</code>` : "all spend"}${each}</span>`;
}

/** @param {{budget: Budget, standings: Standing[]|undefined, zone: string}} props */
function BudgetRow({ budget, standings, zone }) {
  const rows = [...(standings ?? [])].sort((a, b) => compare(b.ratio, a.ratio));
  const worst = worstOf(rows);
  const fans = budget.fan_out.length > 0;
  const hidden = rows.length - SCOPES_SHOWN;
  return html`<li class="budget" data-testid="budget-row" data-budget=${budget.id} data-budget-name=${budget.name}
      data-state=${worst}>
    <div class="budget-head">
      <span class="budget-name">${budget.name}</span>
      ${worst !== "unknown" && html`<${StateBadge} state=${worst} />`}
    </div>
    <div class="budget-sub">
      <${Scope} budget=${budget} />
      <span><${Period} budget=${budget} standing=${rows[0]} zone=${zone} /></span>
    </div>
    ${rows.slice(0, SCOPES_SHOWN).map((standing) => html`
      <${StandingRow} key=${standing.scope} standing=${standing} budget=${budget} named=${fans} />`)}
    ${hidden > 0 && html`<div class="muted small">and ${plural(hidden, "more", "more")}, none used more</div>`}
    ${standings && rows.length === 0 && html`<div class="muted small">Nothing spent in this period yet.</div>`}
  </li>`;
}

function NoBudgets() {
  return html`<p class="nothing" data-testid="no-budgets">
    No budget yet. A <code>POST</code> to <code>/api/v1/budgets</code> sets one, as${" "}
    <a href="docs">the API's description</a> says.
  </p>`;
}

/** @param {{slots: import("../pages/overview-data.js").Slots, zone: string, quiet: boolean}} props */
export function BudgetsPanel({ slots: { budgets, standings }, zone, quiet }) {
  const rows = budgets.data?.rows ?? [];
  // Both or neither, so that rows do not grow when the second answer comes.
  const slot = standings.data === null && standings.error === null ? { ...budgets, data: null } : budgets;
  const skeleton = html`<${Skeleton} rows=${6} class="budget-skeleton" />`;
  const row = (/** @type {Budget} */ budget) => html`<${BudgetRow} key=${budget.id} budget=${budget} zone=${zone}
    standings=${standings.data?.get(String(budget.id))} />`;
  const failed = !quiet && standings.error;
  const hidden = rows.length - BUDGETS_SHOWN;
  return html`<${Panel} title="Budgets" slot=${slot} quiet=${quiet} skeleton=${skeleton} testid="budgets-panel">
    ${failed && html`
      <${Notice} what="The use of budgets is not up to date. ${failed.message}" advice=${failed.advice} />`}
    ${rows.length > 0 ? html`<ul class="list">${rows.slice(0, BUDGETS_SHOWN).map(row)}</ul>` : html`<${NoBudgets} />`}
    ${hidden > 0 && html`<p class="muted small">and ${plural(hidden, "budget")} more</p>`}
  <//>`;
}
