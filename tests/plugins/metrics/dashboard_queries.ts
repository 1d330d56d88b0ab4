/**
 * The queries of the dashboard as Grafana sends them to Prometheus: with a value for each variable.
 *
 * @module
 */
import dashboard from "../../../plugins/metrics/dashboard.json" with { type: "json" };

/** A query. */
export interface DashboardQuery {
  /** Of its panel. */
  readonly title: string;
  readonly expr: string;
}

/** All of them, for every job and instance. @param rateInterval What Grafana takes for `$__rate_interval`. */
export function dashboardQueries(rateInterval = "1m"): DashboardQuery[] {
  return dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      title,
      expr: expr.replaceAll("$__rate_interval", rateInterval).replaceAll(/\$(?:job|instance)\b/g, ".+"),
    }))
  );
}

/** What Grafana asks for the values of its variables: the metric, and the label whose values it takes. */
export function variableQueries(): { readonly name: string; readonly metric: string; readonly label: string }[] {
  return dashboard.templating.list.flatMap(({ name, definition }) => {
    const [, metric, label] = definition?.match(/^label_values\((.+), (\w+)\)$/) ?? [];
    return metric === undefined || label === undefined
      ? []
      : [{ name, metric: metric.replaceAll("$job", ".+"), label }];
  });
}
