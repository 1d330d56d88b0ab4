/**
 * Metrics as node and plugins declare them, without any exposition format: names, help, labels and values. The metrics
 * plugin reads them.
 *
 * Names and units are Prometheus' (`_total` for counters, `_seconds`, `_bytes`). The series of a family are bounded:
 * beyond {@linkcode SERIES_MAX}, values go to one series whose labels all say `other`.
 *
 * @module
 */

/** Kinds of families. */
export type MetricType = "counter" | "gauge" | "histogram";

/** What a family is. */
export interface MetricSpec<Label extends string = never> {
  /** Without the plugin's prefix. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /** Names of all labels; every series has all of them. */
  readonly labels?: readonly Label[];
}

/** Values of all labels. */
export type LabelValues<Label extends string> = Readonly<Record<Label, string>>;

/** A number that only grows. */
export interface Counter<Label extends string = never> {
  /** @param by Not negative; 1 if left out. */
  add(labels: LabelValues<Label>, by?: number): void;
  /** The same for labels that are known beforehand, so that they are looked up once. The series is there once it grows. */
  of(labels: LabelValues<Label>): { add(by?: number): void };
}

/** A number that goes up and down. */
export interface Gauge<Label extends string = never> {
  set(labels: LabelValues<Label>, value: number): void;
}

/** Counts of values by size. */
export interface Histogram<Label extends string = never> {
  observe(labels: LabelValues<Label>, value: number): void;
  /** The same for labels that are known beforehand, so that they are looked up once. */
  of(labels: LabelValues<Label>): { observe(value: number): void };
}

/** One value of a family that is collected when it is asked for. */
export interface Sample<Label extends string = never> {
  readonly labels: LabelValues<Label>;
  readonly value: number;
}

/** Declares families. A name that is taken is refused with a {@linkcode ConfigError}. */
export interface Metrics {
  counter<Label extends string = never>(spec: MetricSpec<Label>): Counter<Label>;
  gauge<Label extends string = never>(spec: MetricSpec<Label>): Gauge<Label>;
  /** @param buckets Upper bounds, rising, without infinity. */
  histogram<Label extends string = never>(spec: MetricSpec<Label>, buckets: readonly number[]): Histogram<Label>;
  /** A family whose values are computed at every collection. A collector that throws or is slow is a strike. */
  collect<Label extends string = never>(
    type: "counter" | "gauge",
    spec: MetricSpec<Label>,
    collect: () => Iterable<Sample<Label>> | Promise<Iterable<Sample<Label>>>,
  ): void;
}

/** One series of a family. */
export interface Series {
  /** Values in the order of the family's label names. */
  readonly labelValues: readonly string[];
  /** The value of a counter or gauge; the sum of a histogram's values. */
  readonly value: number;
  /** Histograms only: how many values were at most the bound of the same position, and last how many in all. */
  readonly cumulativeCounts?: readonly number[];
}

/** A family with its values now. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly labelNames: readonly string[];
  /** Histograms only: upper bounds without infinity. */
  readonly buckets?: readonly number[];
  readonly series: readonly Series[];
}

/** All families of the node. */
export interface MetricFamilies {
  /** Computes what is computed on demand, in the order of declaration; a family whose collector fails is left out. */
  collect(): Promise<readonly MetricFamily[]>;
}

/** Series of one family. */
export const SERIES_MAX = 1_000;
/** Families of one plugin. */
export const FAMILIES_PER_PLUGIN_MAX = 200;
/** Characters of a label's value; longer ones are cut. */
export const LABEL_CHARACTERS_MAX = 128;
