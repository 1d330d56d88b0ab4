/**
 * The dashboard's file as Grafana's own types have it (npm package `@grafana/schema`), for `deno check`.
 *
 * The types are of TypeScript code, so values of enums are named there and written as text or numbers in a file.
 * Left out: what a data source of Prometheus wants of a query beyond `expr`; Grafana keeps that type elsewhere.
 *
 * @module
 */
import type {
  Dashboard,
  DataQuery,
  OptionsWithLegend,
  OptionsWithTooltip,
  Panel,
  VariableModel,
} from "@grafana/schema";

/** `T` as JSON has it: names of enums as what stands for them, nothing else than `T` names. */
type Written<T> = unknown extends T ? T
  : T extends string ? `${T}`
  : T extends number ? (`${T}` extends `${infer N extends number}` ? N : T)
  : T extends boolean | null | undefined ? T
  : { [K in keyof T]: Written<T[K]> };

interface PrometheusQuery extends Omit<DataQuery, "key" | "hide"> {
  readonly expr: string;
  readonly legendFormat: string;
}

type TimeSeries = Omit<Panel, "options" | "targets" | "type"> & {
  readonly type: "timeseries";
  readonly options: OptionsWithLegend & OptionsWithTooltip;
  readonly targets: PrometheusQuery[];
};

type Variable = VariableModel & { readonly definition?: string };

/** What `plugins/metrics/dashboard.json` must be. */
export type GrafanaDashboard = Written<
  & Omit<Dashboard, "panels" | "templating">
  & { readonly panels: TimeSeries[]; readonly templating: { readonly list: Variable[] } }
>;
