/** The width that a chart may take, as it changes. */
import { useLayoutEffect, useRef, useState } from "../vendor.js";

/** @returns {[import("../vendor.js").Ref<HTMLElement|null>, number]} a ref for the box, and its width; 0 at first */
export function useWidth() {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    setWidth(Math.floor(element.clientWidth));
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}
