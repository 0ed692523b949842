/** Types of what vendor.js exports, as far as these pages use it. Read by editors and by `tsc -p jsconfig.json` only. */

export type Node = object | string | number | boolean | null | undefined | Node[];

export const h: (type: unknown, props: object | null, ...children: Node[]) => object;
export const html: (strings: TemplateStringsArray, ...values: unknown[]) => object;
export const Fragment: unknown;
export function render(node: Node, parent: Element): void;
export function createContext<T>(value: T): { Provider: unknown };

export type Ref<T> = { current: T };
export function useRef<T>(value: T): Ref<T>;
export function useState<T>(initial: T | (() => T)): [T, (next: T | ((before: T) => T)) => void];
export function useMemo<T>(make: () => T, inputs: unknown[]): T;
export function useCallback<F>(callback: F, inputs: unknown[]): F;
export function useEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useLayoutEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useId(): string;
/** The error that drawing what is below threw, and a function that tries again. */
export function useErrorBoundary(report?: (error: unknown) => void): [unknown, () => void];

interface LinearScale {
  (value: number): number;
  domain(values: [number, number]): LinearScale;
  domain(): [number, number];
  range(values: [number, number]): LinearScale;
  nice(count?: number): LinearScale;
  ticks(count?: number): number[];
}

interface BandScale {
  (value: number): number | undefined;
  domain(values: number[]): BandScale;
  rangeRound(values: [number, number]): BandScale;
  range(values: [number, number]): BandScale;
  paddingInner(share: number): BandScale;
  bandwidth(): number;
  step(): number;
}

export type StackedPoint = [number, number] & { data: number };

interface Stack {
  (data: number[]): StackedPoint[][];
  keys(keys: number[]): Stack;
  value(read: (datum: number, key: number) => number): Stack;
}

export const d3: {
  scaleLinear(): LinearScale;
  scaleBand(): BandScale;
  stack(): Stack;
  max(values: number[]): number | undefined;
  tickStep(start: number, stop: number, count: number): number;
};
