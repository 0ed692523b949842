/**
 * The address bar as the only state that outlives a click. A page's address is one word after the place where the
 * dashboards are served ("/", "/explore"), its state is the query; both go through here.
 *
 * @typedef {{page: string, query: URLSearchParams}} Route   page is "" for the first page
 */

/** Every page is one path segment, so the folder of any page's address is the folder of all. */
const ROOT = new URL(".", document.baseURI).pathname;

/** @type {Set<() => void>} */
const listeners = new Set();

/** @returns {Route} */
export function currentRoute() {
  return { page: location.pathname.slice(ROOT.length), query: new URLSearchParams(location.search) };
}

/** @param {Route} route @returns {string} an address that can be linked to */
export function addressOf({ page, query }) {
  const text = query.toString().replaceAll("%2F", "/");
  return `${ROOT}${page}${text ? `?${text}` : ""}`;
}

/**
 * @param {Route} route
 * @param {{replace?: boolean}} [options] replace: without a step in the browser's history
 */
export function go(route, { replace = false } = {}) {
  const address = addressOf(route);
  if (address === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  for (const listener of listeners) listener();
}

/** @param {() => void} listener @returns {() => void} that ends it */
export function onRoute(listener) {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

/** Follows links marked `data-route` without loading the page again. @param {MouseEvent} event */
export function followLink(event) {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const link = event.target instanceof Element ? event.target.closest("a[data-route]") : null;
  if (!plain || event.defaultPrevented || !(link instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  go({ page: link.pathname.slice(ROOT.length), query: new URLSearchParams(link.search) });
}
