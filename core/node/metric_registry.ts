/**
 * The metrics of the node and its plugins: who declares what, and all values when somebody asks.
 *
 * @module
 */
import { ConfigError } from "../plugin/errors.ts";
import {
  type Counter,
  FAMILIES_PER_PLUGIN_MAX,
  type Gauge,
  type Histogram,
  LABEL_CHARACTERS_MAX,
  type LabelValues,
  type MetricFamily,
  type Metrics,
  type MetricSpec,
  type MetricType,
  type Sample,
  type Series,
  SERIES_MAX,
} from "../plugin/metrics.ts";

/** What labels say in the series that takes what is beyond {@linkcode SERIES_MAX}. */
const OTHER = "other";
const NAME = /^[a-z][a-z0-9_]*$/;

/** One family that somebody has declared. */
interface DeclaredFamily {
  readonly name: string;
  read(): Promise<MetricFamily>;
}

/** What is done around a collector: it may be measured, limited in time, and fail. */
export type CollectGuard = <Result>(collect: () => Promise<Result>) => Promise<Result | undefined>;

/** All families, in the order of their declaration. */
export class MetricRegistry {
  readonly #families = new Map<string, DeclaredFamily>();

  /** How many families there are. */
  get size(): number {
    return this.#families.size;
  }

  /**
   * Where somebody declares families.
   *
   * @param prefix Goes in front of every name.
   */
  declare(prefix: string, guard: CollectGuard = unguarded): OwnMetrics {
    return new OwnMetrics(prefix, guard, (family) => this.#add(family));
  }

  /** The values of all families; those whose collector fails are left out. */
  async collect(): Promise<readonly MetricFamily[]> {
    const results = await Promise.allSettled([...this.#families.values()].map((family) => family.read()));
    return results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  }

  #add(family: DeclaredFamily): Disposable {
    if (this.#families.has(family.name)) throw new ConfigError(`the metric "${family.name}" is declared twice`);
    this.#families.set(family.name, family);
    return { [Symbol.dispose]: () => void this.#families.delete(family.name) };
  }
}

/** The families of one owner, which go with it. */
export class OwnMetrics implements Metrics, Disposable {
  readonly #prefix: string;
  readonly #guard: CollectGuard;
  readonly #add: (family: DeclaredFamily) => Disposable;
  readonly #added: Disposable[] = [];

  constructor(prefix: string, guard: CollectGuard, add: (family: DeclaredFamily) => Disposable) {
    this.#prefix = prefix;
    this.#guard = guard;
    this.#add = add;
  }

  counter<Label extends string = never>(spec: MetricSpec<Label>): Counter<Label> {
    const cells = this.#cells("counter", spec);
    const grow = (cell: Cell, by: number) => {
      if (!(by >= 0)) throw new RangeError(`The counter ${spec.name} only grows, not by ${by}`);
      cell.value += by;
    };
    return {
      add: (labels, by = 1) => grow(cells.of(labels), by),
      of: (labels) => {
        let cell: Cell | undefined;
        return { add: (by = 1) => grow(cell ??= cells.of(labels), by) };
      },
    };
  }

  gauge<Label extends string = never>(spec: MetricSpec<Label>): Gauge<Label> {
    const cells = this.#cells("gauge", spec);
    return { set: (labels, value) => void (cells.of(labels).value = value) };
  }

  histogram<Label extends string = never>(spec: MetricSpec<Label>, buckets: readonly number[]): Histogram<Label> {
    if (buckets.length === 0 || buckets.some((bound, i) => !(bound > (buckets[i - 1] ?? -Infinity)))) {
      throw new ConfigError(`the buckets of the metric "${spec.name}" do not rise`);
    }
    const cells = this.#cells("histogram", spec, buckets);
    const count = (cell: Cell, value: number) => {
      cell.value += value;
      let bucket = buckets.findIndex((bound) => value <= bound);
      if (bucket === -1) bucket = buckets.length;
      cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1;
    };
    return {
      observe: (labels, value) => count(cells.of(labels), value),
      of: (labels) => {
        let cell: Cell | undefined;
        return { observe: (value) => count(cell ??= cells.of(labels), value) };
      },
    };
  }

  collect<Label extends string = never>(
    type: "counter" | "gauge",
    spec: MetricSpec<Label>,
    collect: () => Iterable<Sample<Label>> | Promise<Iterable<Sample<Label>>>,
  ): void {
    const labelNames = this.#declared(spec);
    const name = this.#prefix + spec.name;
    this.#keep({
      name,
      read: async () => {
        const samples = await this.#guard(async () => [...await collect()]);
        if (samples === undefined) throw new Error(`No values of ${name}`);
        const cells = new Cells<Label>(labelNames, 0);
        for (const { labels, value } of samples) cells.of(labels).value += value;
        return { name, help: spec.help, type, labelNames, series: cells.series() };
      },
    });
  }

  [Symbol.dispose](): void {
    for (const added of this.#added.splice(0)) added[Symbol.dispose]();
  }

  #cells<Label extends string>(type: MetricType, spec: MetricSpec<Label>, buckets?: readonly number[]): Cells<Label> {
    const labelNames = this.#declared(spec);
    const cells = new Cells<Label>(labelNames, buckets ? buckets.length + 1 : 0);
    // A family without labels has its one value from the beginning.
    if (labelNames.length === 0) cells.of({} as LabelValues<Label>);
    const name = this.#prefix + spec.name;
    const read = () => ({
      name,
      help: spec.help,
      type,
      labelNames,
      ...(buckets && { buckets }),
      series: cells.series(),
    });
    this.#keep({ name, read: () => Promise.resolve(read()) });
    return cells;
  }

  #declared<Label extends string>({ name, help, labels = [] }: MetricSpec<Label>): readonly Label[] {
    for (const each of [name, ...labels]) {
      if (!NAME.test(each)) throw new ConfigError(`"${each}" cannot be in the name of a metric`);
    }
    if (new Set(labels).size !== labels.length) throw new ConfigError(`the metric "${name}" has a label twice`);
    if (help === "") throw new ConfigError(`the metric "${name}" has no help`);
    if (this.#added.length >= FAMILIES_PER_PLUGIN_MAX) {
      throw new ConfigError(`more than ${FAMILIES_PER_PLUGIN_MAX} metrics are declared`);
    }
    return labels;
  }

  #keep(family: DeclaredFamily): void {
    this.#added.push(this.#add(family));
  }
}

interface Cell {
  readonly labelValues: readonly string[];
  value: number;
  /** Values in each bucket, the last one unbounded; empty unless a histogram. */
  readonly counts: number[];
}

/** The series of one family. */
class Cells<Label extends string> {
  readonly #labelNames: readonly Label[];
  readonly #bucketCount: number;
  readonly #cells = new Map<string, Cell>();

  constructor(labelNames: readonly Label[], bucketCount: number) {
    this.#labelNames = labelNames;
    this.#bucketCount = bucketCount;
  }

  of(labels: LabelValues<Label>): Cell {
    return this.#cell(this.#labelNames.map((name) => cut(labels[name]))) ??
      this.#make(this.#labelNames.map(() => OTHER));
  }

  series(): Series[] {
    return [...this.#cells.values()].map(({ labelValues, value, counts }) => {
      if (this.#bucketCount === 0) return { labelValues, value };
      let sum = 0;
      return { labelValues, value, cumulativeCounts: counts.map((count) => sum += count) };
    });
  }

  #cell(labelValues: readonly string[]): Cell | undefined {
    const known = this.#cells.get(keyOf(labelValues));
    if (known || this.#cells.size >= SERIES_MAX - 1) return known;
    return this.#make(labelValues);
  }

  #make(labelValues: readonly string[]): Cell {
    const key = keyOf(labelValues);
    const cell = this.#cells.get(key) ??
      { labelValues, value: 0, counts: Array.from({ length: this.#bucketCount }, () => 0) };
    this.#cells.set(key, cell);
    return cell;
  }
}

function keyOf(labelValues: readonly string[]): string {
  return labelValues.length === 1 ? labelValues[0] ?? "" : JSON.stringify(labelValues);
}

function cut(text: string): string {
  return text.length <= LABEL_CHARACTERS_MAX ? text : text.slice(0, LABEL_CHARACTERS_MAX);
}

async function unguarded<Result>(collect: () => Promise<Result>): Promise<Result> {
  return await collect();
}
