/** The bar on top of every page: where one is, which time is shown, whether the figures are fresh. */
import { show } from "../navigate.js";
import { addressOf } from "../router.js";
import { VIEWER_ZONE } from "../time.js";
import { html } from "../vendor.js";
import { RANGES, writeView } from "../view.js";

/** @typedef {import("../view.js").View} View */

const LIVE_WORDS = {
  starting: ["Connecting", "Asking the collector for the first time"],
  live: ["Live", "Asks for new figures every 2 seconds while this page is visible"],
  paused: ["Paused", "This page is hidden; it goes on when you come back"],
  interrupted: ["Interrupted", "The collector gives no figures; this page keeps trying"],
};

/** @param {{state: import("../live.js").LiveState}} props */
function Live({ state }) {
  const [word, title] = LIVE_WORDS[state];
  return html`<span class="live ${state}" role="status" title=${title} data-testid="live-indicator" data-state=${state}>
    <span class="live-dot" aria-hidden="true"></span>${word}
  </span>`;
}

/** @typedef {{route: import("../router.js").Route, view: View}} PickerProps */

/** @param {PickerProps} props */
function RangePicker({ route, view }) {
  const ranges = /** @type {View["range"][]} */ (Object.keys(RANGES));
  return html`<div class="segments" role="group" aria-label="Time range">
    ${ranges.map((range) => html`
      <button key=${range} type="button" data-testid="range-${range}" title=${RANGES[range].name}
        aria-label="${RANGES[range].label}: ${RANGES[range].name}" aria-pressed=${String(range === view.range)}
        onClick=${() => show(route, view, { range })}>${RANGES[range].label}</button>`)}
  </div>`;
}

const NEAR = [...new Set([VIEWER_ZONE, "UTC"])];
const FAR = Intl.supportedValuesOf("timeZone").filter((zone) => !NEAR.includes(zone));

/** @param {string} zone */
function zoneOption(zone) {
  return html`<option key=${zone} value=${zone}>${zone.replaceAll("_", " ")}</option>`;
}

/** @param {PickerProps} props */
function ZonePicker({ route, view }) {
  const known = NEAR.includes(view.tz) || FAR.includes(view.tz);
  /** @param {{currentTarget: HTMLSelectElement}} event */
  const onChange = ({ currentTarget }) => show(route, view, { tz: currentTarget.value });
  return html`<select class="zone" aria-label="Time zone" title="Time zone: ${view.tz}" data-testid="zone"
      value=${view.tz} onChange=${onChange}>
    ${(known ? NEAR : [...NEAR, view.tz]).map(zoneOption)}
    <optgroup label="All time zones">${FAR.map(zoneOption)}</optgroup>
  </select>`;
}

function Mark() {
  return html`<svg viewBox="0 0 22 18" aria-hidden="true">
    <rect class="mark-a" x="0" y="1" width="22" height="4" rx="2" />
    <rect class="mark-b" x="4" y="7" width="12" height="4" rx="2" />
    <rect class="mark-c" x="11" y="13" width="8" height="4" rx="2" />
  </svg>`;
}

/**
 * @param {{route: import("../router.js").Route, view: View, pages: {path: string, title: string}[],
 *   live: import("../live.js").LiveState}} props
 */
export function Header({ route, view, pages, live }) {
  const query = writeView(view, new URLSearchParams());
  const link = (/** @type {{path: string, title: string}} */ { path, title }) => html`
    <a key=${path} href=${addressOf({ page: path, query })} data-route
      aria-current=${path === route.page ? "page" : undefined}>${title}</a>`;
  return html`<header class="bar">
    <div class="bar-inner">
      <a class="wordmark" href=${addressOf({ page: "", query })} data-route aria-label="costspan, overview">
        <${Mark} />costspan
      </a>
      <nav aria-label="Pages">${pages.map(link)}</nav>
      <${Live} state=${live} />
      <div class="controls">
        <${RangePicker} route=${route} view=${view} />
        <${ZonePicker} route=${route} view=${view} />
      </div>
    </div>
  </header>`;
}
