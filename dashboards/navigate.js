/** From a click to the address: the one way in which controls change what a page shows. */
import { go } from "./router.js";
import { writeView } from "./view.js";

/**
 * @param {import("./router.js").Route} route @param {import("./view.js").View} view
 * @param {Partial<import("./view.js").View>} change
 */
export function show(route, view, change) {
  go({ ...route, query: writeView({ ...view, ...change }, route.query) });
}
