/** The figures on top of the overview. */
import { count, plural, UNKNOWN } from "../format.js";
import { civil, fullDay, zoneName } from "../time.js";
import { html } from "../vendor.js";
import { RANGES } from "../view.js";
import { knownCost, Reservation, reservations } from "./cost.js";
import { Icon, Money } from "./parts.js";

/** @typedef {import("../pages/overview-data.js").Slots} Slots */

/**
 * @param {{name: string, label: string, slot: {data: unknown, error: import("../api.js").ApiError|null},
 *   quiet: boolean, title?: string, tone?: string, value: () => unknown, note: () => unknown}} props
 *   value and note are asked for only once there is data
 */
function Figure({ name, label, slot, quiet, title, tone = "", value, note }) {
  const failed = slot.error !== null && !quiet;
  const ready = slot.data !== null;
  const blank = failed ? UNKNOWN : html`<span class="skeleton-line tall"></span>`;
  const notes = ready ? note() : html`<span class="skeleton-line"></span>`;
  return html`<div class="figure ${tone}" data-testid="figure-${name}" title=${title}>
    <div class="figure-label">${label}</div>
    <div class="figure-value">${ready ? value() : blank}</div>
    <div class="figure-note">${failed ? html`<${Failed} error=${slot.error} ready=${ready} />` : notes}</div>
  </div>`;
}

/** @param {{error: import("../api.js").ApiError, ready: boolean}} props */
function Failed({ error, ready }) {
  return html`<span class="reservation" title=${error.message}>
    <${Icon} name="warning" />${ready ? "not up to date just now" : "not known just now"}
  </span>`;
}

/** @param {{totals: import("../types.js").Measures}} props */
function SpendNote({ totals }) {
  if (reservations(totals).length === 0) return html`${plural(totals.calls, "call")}`;
  return html`${knownCost(totals) === null ? "" : "known + "}<${Reservation} measures=${totals} />`;
}

/** @param {import("../types.js").Forecast} forecast @returns {string} */
function forecastNote({ forecast_usd: amount, reason, method }) {
  return amount === null ? `No forecast: ${reason ?? "too little data"}` : method;
}

/** @param {import("../types.js").Measures} totals @returns {string} */
function unpricedNote({ calls, unpriced_calls: unpriced }) {
  if (unpriced > 0) return "Their cost is unknown and in no sum. Open one below to see why.";
  return calls > 0 ? "Every call has a price." : "";
}

/** @param {{value: number}} props */
function Whole({ value }) {
  return html`<data class="num" value=${value}>${count(value)}</data>`;
}

/** @param {{name: string, label: string, title: string, slot: Slots["today"], quiet: boolean}} props */
function Spent({ slot, ...props }) {
  const totals = slot.data?.totals;
  return html`<${Figure} ...${props} slot=${slot}
    value=${() => totals && html`<${Money} amount=${knownCost(totals)} />`}
    note=${() => totals && html`<${SpendNote} totals=${totals} />`} />`;
}

/** @param {{slots: Slots, quiet: boolean, stale: boolean}} props */
export function Figures({ slots: { today, month, forecast, spend }, quiet, stale }) {
  const now = Date.now();
  const zone = today.asked?.view.tz ?? "UTC";
  const totals = spend.data?.totals;
  const range = spend.asked ? RANGES[spend.asked.view.range].name.toLowerCase() : "in this range";
  const unpriced = totals?.unpriced_calls ?? 0;
  const warning = unpriced > 0 && html`<${Icon} name="warning" />`;
  return html`<section class="panel figures" aria-label="Figures" data-testid="figures">
    <${Spent} name="today" label="Today" slot=${today} quiet=${quiet}
      title="${fullDay(now, zone)}, ${zoneName(now, zone)}" />
    <${Spent} name="month" label="This month" slot=${month} quiet=${quiet}
      title="${civil(now, zone).monthName} in ${zone}" />
    <${Figure} name="forecast" label="Forecast for the month" slot=${forecast} quiet=${quiet}
      value=${() => html`<${Money} amount=${forecast.data?.forecast_usd ?? null} />`}
      note=${() => forecast.data && forecastNote(forecast.data)} />
    <${Figure} name="calls" label="Calls, ${range}" slot=${spend} quiet=${quiet} tone=${stale ? "stale" : ""}
      value=${() => totals && html`<${Whole} value=${totals.calls} />`}
      note=${() => totals && (totals.errors > 0 ? `${count(totals.errors)} failed` : "None failed")} />
    <${Figure} name="unpriced" label="Unpriced calls" slot=${spend} quiet=${quiet}
      tone="${unpriced > 0 ? "warn" : ""} ${stale ? "stale" : ""}"
      value=${() => html`${warning}<${Whole} value=${unpriced} />`}
      note=${() => totals && unpricedNote(totals)} />
  </section>`;
}
