/**
 * Which series gets which colour. A name keeps its colour for as long as the page is open, however its rank moves,
 * so that live figures and other ranges stay comparable. The colours themselves are in styles/tokens.css.
 */

export const COLOURS = 7;

/** The classes that styles/chart.css knows. */
export const OTHER_CLASS = "series-other";
export const NONE_CLASS = "series-none";

/** @returns {(names: string[]) => Map<string, string>} from names, most important first, to classes */
export function colourBook() {
  /** @type {Map<string, number>} */
  const given = new Map();

  return function classesFor(names) {
    const shown = names.slice(0, COLOURS);
    for (const name of shown) {
      if (given.has(name)) continue;
      const used = new Set(given.values());
      let free = Array.from({ length: COLOURS }, (_, index) => index).find((index) => !used.has(index));
      if (free === undefined) {
        const gone = /** @type {string} */ ([...given.keys()].find((known) => !shown.includes(known)));
        free = /** @type {number} */ (given.get(gone));
        given.delete(gone);
      }
      given.set(name, free);
    }
    return new Map(shown.map((name) => [name, `series-${given.get(name)}`]));
  };
}
