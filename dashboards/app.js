/** The frame around every page. A new page is a module in pages/ and a line in PAGES. */
import { Header } from "./components/header.js";
import { Page as Overview } from "./pages/overview.js";
import { Page as Prices } from "./pages/prices.js";
import { addressOf, currentRoute, followLink, go, onRoute } from "./router.js";
import { html, render, useEffect, useErrorBoundary, useMemo, useState } from "./vendor.js";
import { readView, writeView } from "./view.js";

/**
 * @typedef {object} PageProps
 * @property {import("./router.js").Route} route
 * @property {import("./view.js").View} view
 * @property {(state: import("./live.js").LiveState) => void} onLive  tells the header how fresh the page is
 */

/** @type {{path: string, title: string, Page: (props: PageProps) => object}[]} */
const PAGES = [
  { path: "", title: "Overview", Page: Overview },
  { path: "prices", title: "Prices", Page: Prices },
];

/** @param {{route: import("./router.js").Route}} props */
function NotFound({ route }) {
  return html`<main class="page">
    <section class="panel empty-state" data-testid="not-found">
      <h1>There is no page “${route.page}”</h1>
      <p>
        The address may be mistyped, or come from a newer version.${" "}
        <a href=${addressOf({ ...route, page: "" })} data-route>Go to the overview</a>
      </p>
    </section>
  </main>`;
}

/**
 * A page, or what kept it from being drawn.
 * @param {PageProps & {Page: (props: PageProps) => object}} props
 */
function Guarded({ Page, ...props }) {
  const [error, again] = useErrorBoundary((thrown) => reportError(thrown));
  if (!error) return html`<${Page} ...${props} />`;
  return html`<main class="page">
    <section class="panel empty-state" data-testid="broken">
      <h1>This page could not be drawn</h1>
      <p>${error instanceof Error ? error.message : String(error)}</p>
      <p>The figures themselves are safe. Another range may work; the browser's console says where it failed.</p>
      <p><button type="button" class="button" onClick=${again}>Try again</button></p>
    </section>
  </main>`;
}

/** Writes the whole state into the address. It reads the address itself, which may be newer than the last drawing. */
function spellOut() {
  const { page, query } = currentRoute();
  const known = PAGES.some(({ path }) => path === page);
  if (known) go({ page, query: writeView(readView(query), query) }, { replace: true });
}

function App() {
  const [route, setRoute] = useState(currentRoute);
  const [live, setLive] = useState(/** @type {import("./live.js").LiveState} */ ("starting"));
  useEffect(() => onRoute(() => setRoute(currentRoute())), []);
  const search = route.query.toString();
  const view = useMemo(() => readView(route.query), [search]);
  const entry = PAGES.find(({ path }) => path === route.page);

  useEffect(() => {
    document.title = `${entry?.title ?? "Not found"} · costspan`;
    spellOut();
  }, [route]);

  const page = entry
    ? html`<${Guarded} key=${entry.path} Page=${entry.Page} route=${route} view=${view} onLive=${setLive} />`
    : html`<${NotFound} route=${route} />`;
  return html`<${Header} route=${route} view=${view} pages=${PAGES} live=${live} />${page}`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
root.addEventListener("click", followLink);
render(html`<${App} />`, root);
