/**
 * The dashboard's file loads in Grafana: it is of the types that Grafana publishes, keeps what Grafana checks only when
 * it shows a dashboard, and its queries are such that Prometheus parses them.
 */
import assert from "node:assert/strict";
import dashboard from "../../../plugins/metrics/dashboard.json" with { type: "json" };
import { labTest } from "../../e2e/lab/requirements.ts";
import { dashboardQueries } from "./dashboard_queries.ts";
import type { GrafanaDashboard } from "./grafana_dashboard.ts";

const ROOT = new URL("../../../", import.meta.url);
const GRID_COLUMNS = 24;
const UID_CHARS_MAX = 40;
/** Variables that Grafana itself has a value for. */
const BUILT_IN = ["__rate_interval"];

/** What `deno check` says of the dashboard's text after it went through `change`. */
async function checked(
  change: (text: string) => string,
): Promise<{ readonly success: boolean; readonly said: string }> {
  const text = await Deno.readTextFile(new URL("plugins/metrics/dashboard.json", ROOT));
  const type = new URL("grafana_dashboard.ts", import.meta.url);
  const directory = await Deno.makeTempDir({ prefix: "weft-dashboard-" });
  try {
    const file = `${directory}/dashboard.ts`;
    const from = `import type { GrafanaDashboard } from "${type}";\n`;
    await Deno.writeTextFile(file, `${from}export const dashboard: GrafanaDashboard = ${change(text)}`);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--frozen", "--config", new URL("deno.json", ROOT).pathname, file],
      env: { NO_COLOR: "1" },
      stdout: "null",
    }).output();
    return { success, said: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("dashboard: the file is of the types that Grafana publishes", async () => {
  const { success, said } = await checked((text) => text);
  assert(success, said);
});

Deno.test("dashboard: a key that Grafana does not know is found", async () => {
  const { success, said } = await checked((text) => text.replace('"timezone":', '"timeZone":'));
  assert(!success);
  assert.match(said, /"timeZone"' does not exist/);
});

type Legend = GrafanaDashboard["panels"][number]["options"]["legend"];
// @ts-expect-error `deno check`: what Grafana requires is required.
const NO_CALCS: Legend = { displayMode: "list", placement: "bottom", showLegend: true };
// @ts-expect-error `deno check`: and values are those that Grafana knows.
const NO_MODE: Legend = { calcs: [], displayMode: "lines", placement: "bottom", showLegend: true };

Deno.test("dashboard: it can be imported under an address of its own", () => {
  assert(NO_CALCS && NO_MODE);
  assert.match(dashboard.uid, /^[A-Za-z0-9_-]+$/);
  assert(dashboard.uid.length <= UID_CHARS_MAX);
  assert(!("id" in dashboard), "the id is the database's");
  assert(dashboard.title.length > 0 && dashboard.schemaVersion >= 39);
});

Deno.test("dashboard: panels have ids of their own and places that do not overlap", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert(ids.every((id) => Number.isSafeInteger(id) && id > 0));
  assert.equal(new Set(ids).size, ids.length);
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= GRID_COLUMNS, title);
    for (let row = y; row < y + h; row++) {
      for (let column = x; column < x + w; column++) {
        assert(!taken.has(`${column} ${row}`), title);
        taken.add(`${column} ${row}`);
      }
    }
  }
});

Deno.test("dashboard: panels say what they show, and take the data source that was chosen", () => {
  const chosen = { type: "prometheus", uid: "${datasource}" };
  const names = dashboard.templating.list.map(({ name }) => name);
  assert.equal(names[0], "datasource", "others ask it");
  assert.equal(new Set(names).size, names.length);
  for (const variable of dashboard.templating.list.slice(1)) assert.deepEqual(variable.datasource, chosen);
  for (const { title, description, datasource, targets } of dashboard.panels) {
    assert(title.length > 0 && description.length > 0, title);
    assert.deepEqual(datasource, chosen, title);
    const refIds = targets.map(({ refId }) => refId);
    assert(refIds.length > 0 && new Set(refIds).size === refIds.length, title);
    for (const target of targets) {
      assert.deepEqual(target.datasource, chosen, title);
      const variables = [...target.expr.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name ?? "");
      for (const name of variables) assert([...names, ...BUILT_IN].includes(name), `${title}: ${name}`);
      assert(variables.includes("job") && variables.includes("instance"), title);
    }
  }
});

labTest("dashboard: Prometheus parses every query", ["command:promtool"], async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-dashboard-" });
  try {
    const file = `${directory}/rules.yml`;
    const rules = dashboardQueries().map(({ expr }, i) => ({ record: `weft:query_${i}`, expr }));
    await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const { success, stdout, stderr } = await new Deno.Command("promtool", { args: ["check", "rules", file] }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert(success, said);
    assert.match(said, new RegExp(`\\b${rules.length} rules found`));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
