/** The small pieces that every page uses: figures with their exact value on hover, times, icons, notices. */
import { count, compactCount, exactMoney, money, UNKNOWN } from "../format.js";
import { moment, utc } from "../time.js";
import { html } from "../vendor.js";

/**
 * An amount. Its `value` attribute is the API's string, its hover the exact figure.
 * @param {{amount: string|null, decimals?: number, class?: string}} props
 */
export function Money({ amount, decimals, class: extra = "" }) {
  if (amount === null) return html`<span class="num unknown ${extra}" title="Unknown">${UNKNOWN}</span>`;
  return html`<data class="num ${extra}" value=${amount} title="Exactly ${exactMoney(amount)}">
    ${money(amount, decimals)}
  </data>`;
}

/**
 * A whole number, shortened where it is long.
 * @param {{value: number|null, unit?: string}} props
 */
export function Count({ value, unit = "" }) {
  if (value === null) return html`<span class="num unknown" title="Unknown">${UNKNOWN}</span>`;
  const text = compactCount(value);
  const title = text === String(value) ? undefined : `${count(value)} ${unit}`.trim();
  return html`<data class="num" value=${value} title=${title}>${text}</data>`;
}

/**
 * A moment in the chosen zone, in UTC on hover.
 * @param {{at: string, zone: string, text?: string}} props
 */
export function Time({ at, zone, text }) {
  const instant = Date.parse(at);
  const words = text ?? moment(instant, zone, Date.now());
  return html`<time class="num" datetime=${at} title=${utc(instant)}>${words}</time>`;
}

const PATHS = {
  check: "M3.5 8.5l3 3 6-7",
  warning: "M8 2.2l6.2 11H1.8z M8 6.4v3.2 M8 11.4v.1",
  stop: "M5.3 2h5.4L14 5.3v5.4L10.7 14H5.3L2 10.7V5.3z M8 5v3.8 M8 10.9v.1",
  clock: "M8 2a6 6 0 100 12A6 6 0 008 2z M8 4.8V8l2.2 1.6",
  chevron: "M6 3.5L10.5 8 6 12.5",
};

/** @param {{name: keyof typeof PATHS, class?: string}} props  decoration; the words beside it carry the meaning */
export function Icon({ name, class: extra = "" }) {
  return html`<svg class="icon ${extra}" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

/** @param {{tone: "ok"|"warn"|"bad"|"quiet", icon?: keyof typeof PATHS, title?: string, children: unknown}} props */
export function Badge({ tone, icon, title, children }) {
  return html`<span class="badge ${tone}" title=${title}>${icon && html`<${Icon} name=${icon} />`}${children}</span>`;
}

/**
 * What happened and how to go on.
 * @param {{tone?: "warn"|"bad", what: string, advice?: string, testid?: string}} props
 */
export function Notice({ tone = "bad", what, advice, testid = "notice" }) {
  return html`<div class="notice ${tone}" role="status" data-testid=${testid}>
    <${Icon} name=${tone === "bad" ? "stop" : "warning"} />
    <p><strong>${what}</strong> ${advice}</p>
  </div>`;
}

/**
 * A titled part of a page with its three faces: loading (of a fixed height), failed, filled. Old content stays in
 * sight, under a notice, when a later question fails.
 *
 * @param {{title: unknown, aside?: unknown, slot: {data: unknown, error: import("../api.js").ApiError|null},
 *   quiet: boolean, stale?: boolean, skeleton: unknown, testid: string, class?: string, children: unknown}} props
 *   quiet: the page already says that nothing answers
 */
export function Panel({ title, aside, slot, quiet, stale = false, skeleton, testid, class: extra = "", children }) {
  const { data, error } = slot;
  const shown = error && !quiet;
  return html`<section class="panel ${extra}" data-testid=${testid}
    aria-busy=${data === null && !error ? "true" : "false"}>
    <header class="panel-head"><h2>${title}</h2>${aside}</header>
    ${shown && html`<${Notice} what=${error.message} advice=${error.advice} testid="panel-error" />`}
    <div class=${`panel-body${stale ? " stale" : ""}`}>
      ${data !== null ? children : shown ? null : skeleton}
    </div>
  </section>`;
}

/** @param {{rows?: number, class?: string}} props  bars in place of lines that are still loading */
export function Skeleton({ rows = 4, class: extra = "" }) {
  const lines = Array.from({ length: rows }, (_, index) => html`<div class="skeleton-line" key=${index}></div>`);
  return html`<div class="skeleton ${extra}" aria-hidden="true">${lines}</div>`;
}
