/** The latest alerts: what was crossed, why, and whether the message arrived. */
import { plural, thresholdWords } from "../format.js";
import { moment } from "../time.js";
import { html } from "../vendor.js";
import { stateWords } from "./budgets.js";
import { Badge, Icon, Money, Panel, Skeleton, Time } from "./parts.js";

/**
 * @typedef {import("../types.js").Alert} Alert
 * @typedef {import("../types.js").Delivery} Delivery
 */

const DELIVERIES = {
  pending: { icon: "clock", tone: "quiet", word: "being sent" },
  delivered: { icon: "check", tone: "ok", word: "delivered" },
  failed: { icon: "stop", tone: "bad", word: "not delivered" },
};

/** @param {{delivery: Delivery, zone: string}} props */
function DeliveryLine({ delivery, zone }) {
  const { channel, state, attempts, delivered_at: at } = delivery;
  const { icon, tone, word } = DELIVERIES[state] ?? { icon: "clock", tone: "quiet", word: state };
  const tries = attempts > 1 ? ` after ${plural(attempts, "attempt")}` : "";
  const when = at === null ? "" : ` at ${moment(Date.parse(at), zone, Date.now())}`;
  const full = `${channel}: ${word}${tries}${when}`;
  return html`<li class="delivery ${tone}" data-testid="delivery" data-state=${state} title=${full}>
    <${Icon} name=${icon} />
    <span class="delivery-channel">${channel}</span>${" "}
    <span class="delivery-word">${word}${tries}</span>
  </li>`;
}

/** @param {{drivers: Alert["drivers"]}} props  what most of the money went to, in each dimension */
function Drivers({ drivers }) {
  const first = drivers.filter(({ dimension }, index) =>
    index === drivers.findIndex((other) => other.dimension === dimension));
  if (first.length === 0) return null;
  return html`<ul class="drivers" aria-label="What drives it">
    ${first.map(({ dimension, value, cost_usd: cost }) => html`
      <li key=${dimension} class="chip" title="Most of it by ${dimension}">
        ${dimension} <b>${value ?? "none"}</b> <${Money} amount=${cost} />
      </li>`)}
  </ul>`;
}

/** @param {Alert} alert @returns {string} without the budget's name, which stands above it */
function reasonOf({ reason, budget_name: name }) {
  return reason.startsWith(`${name}: `) ? reason.slice(name.length + 2) : reason;
}

/** @param {{alert: Alert, zone: string}} props */
function AlertRow({ alert, zone }) {
  const { tone, icon, word } = stateWords(alert.state);
  const { id, budget_id: budget, state } = alert;
  return html`<li class="alert" data-testid="alert-row" data-alert=${id} data-budget=${budget} data-state=${state}>
    <div class="alert-head">
      <span class="alert-name">${alert.budget_name}</span>
      <${Badge} tone=${tone} icon=${icon}>${word}<//>
    </div>
    <div class="alert-figures">
      <span>
        Passed <strong>${thresholdWords(alert.threshold)}</strong>: <${Money} amount=${alert.spent_usd} />
        <span class="muted"> of </span><${Money} amount=${alert.amount_usd} />
      </span>
      <span class="muted small"><${Time} at=${alert.created_at} zone=${zone} /></span>
    </div>
    ${alert.scope && html`<div class="alert-reason">For ${alert.scope}</div>`}
    ${alert.reason && html`<p class="alert-reason">${reasonOf(alert)}</p>`}
    <${Drivers} drivers=${alert.drivers ?? []} />
    <ul class="deliveries">
      ${alert.deliveries.map((delivery) => html`
        <${DeliveryLine} key=${delivery.channel} delivery=${delivery} zone=${zone} />`)}
    </ul>
  </li>`;
}

/** @param {{slots: import("../pages/overview-data.js").Slots, zone: string, quiet: boolean}} props */
export function AlertsPanel({ slots: { alerts }, zone, quiet }) {
  const rows = alerts.data?.rows ?? [];
  const skeleton = html`<${Skeleton} rows=${5} class="alert-skeleton" />`;
  const row = (/** @type {Alert} */ alert) => html`<${AlertRow} key=${alert.id} alert=${alert} zone=${zone} />`;
  return html`<${Panel} title="Latest alerts" slot=${alerts} quiet=${quiet} skeleton=${skeleton} testid="alerts-panel">
    ${rows.length > 0
      ? html`<ul class="list">${rows.map(row)}</ul>`
      : html`<p class="nothing" data-testid="no-alerts">No alert so far.</p>`}
  <//>`;
}
