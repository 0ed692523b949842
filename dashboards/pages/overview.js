/**
 * The first page: what is spent, on what, against which budgets, and the calls behind it.
 *
 * For tests, these `data-testid` values are stable. Money is in the `value` attribute of `<data>`, exactly as the API
 * wrote it; where a row has no feature, customer or model, that attribute is "".
 *
 *   live-indicator [data-state = starting | live | paused | interrupted]   connection-banner
 *   range-1h range-24h range-7d range-30d range-month range-all   zone
 *   figures: figure-today figure-month figure-forecast figure-calls figure-unpriced
 *   spend-panel: group-feature group-customer group-model   legend   chart   chart-tooltip   nothing-in-range
 *     spend-table: feature-row [data-feature]   customer-row [data-customer]   model-row [data-model]
 *                  spend-totals   show-all-groups
 *   budgets-panel: budget-row [data-budget = id] [data-budget-name] [data-state = ok | warned | breached | unknown]
 *     standing-row [data-scope] [data-state]   no-budgets
 *   alerts-panel: alert-row [data-alert = id] [data-budget = id] [data-state]   delivery [data-state]   no-alerts
 *   calls-panel: calls-table   call-row [data-trace] [data-span] [data-state = state of the cost]   show-newer
 *     in an open row: call-detail   arithmetic   arithmetic-line [data-meter] [data-amount]   arithmetic-total
 *                     price-source   cost-reason
 *   empty-state   copy   panel-error (in the panel concerned)   notice   not-found   broken
 */
import { AlertsPanel } from "../components/alerts.js";
import { BudgetsPanel } from "../components/budgets.js";
import { CallsPanel } from "../components/calls.js";
import { Empty } from "../components/empty.js";
import { Figures } from "../components/figures.js";
import { Notice } from "../components/parts.js";
import { SpendPanel } from "../components/spend-panel.js";
import { moment } from "../time.js";
import { html, useEffect } from "../vendor.js";
import { useOverview } from "./overview-data.js";

/** @typedef {import("./overview-data.js").Overview} Overview */

/** @param {Overview} overview @returns {boolean} whether no call has ever been booked, as far as can be seen */
function isEmpty({ slots: { calls, spend, month } }) {
  return calls.data?.rows.length === 0 && spend.data?.totals.calls === 0 && month.data?.totals.calls === 0;
}

/** @param {{overview: Overview, zone: string}} props */
function Connection({ overview: { live, failure, retryMs, answeredAt }, zone }) {
  if (live !== "interrupted" || failure === null) return null;
  const since = answeredAt === null ? "" : `The figures below are from ${moment(answeredAt, zone, Date.now())}. `;
  return html`<${Notice} testid="connection-banner" what=${failure.message}
    advice="${since}${failure.advice} The next try is in ${Math.round(retryMs / 1000)} s." />`;
}

/** @param {{data: unknown, error: unknown}} slot @returns {boolean} */
const hasCome = ({ data, error }) => data !== null || error !== null;

/**
 * What stands below a panel appears once that panel has its height, so that nothing is pushed about.
 * @param {{route: import("../router.js").Route, view: import("../view.js").View,
 *   onLive: (state: import("../live.js").LiveState) => void}} props
 */
export function Page({ route, view, onLive }) {
  const overview = useOverview(view);
  const { slots, live } = overview;
  useEffect(() => onLive(live), [live]);
  const quiet = live === "interrupted";
  const stale = slots.spend.asked !== null && slots.spend.asked.view !== view;
  const shared = { slots, quiet, zone: view.tz };
  return html`<main class="page ${quiet ? "interrupted" : ""}">
    <h1 class="visually-hidden">Overview</h1>
    <${Connection} overview=${overview} zone=${view.tz} />
    ${isEmpty(overview) ? html`<${Empty} />` : html`
      <${Figures} slots=${slots} quiet=${quiet} stale=${stale} />
      <div class="columns">
        <${SpendPanel} slots=${slots} quiet=${quiet} stale=${stale} route=${route} view=${view} />
        <div class="side">
          <${BudgetsPanel} ...${shared} />
          ${(hasCome(slots.standings) || slots.budgets.error) && html`<${AlertsPanel} ...${shared} />`}
        </div>
        ${hasCome(slots.spend) && html`<${CallsPanel} ...${shared} />`}
      </div>`}
  </main>`;
}
