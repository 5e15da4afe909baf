/** Made-up answers in the shape of the API, the same on every run, for development and tests. */

import type {
  ByModelAnswer,
  Interval,
  Metrics,
  Period,
  SummaryAnswer,
  TimeseriesAnswer,
} from "../src/api/types.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** name, share of requests, dollars per request, tokens in and out, latency, share of cache hits */
const MODELS = [
  ["claude-sonnet-4-5", 0.21, 0.0192, 4120, 610, 3900, 0.58],
  ["gpt-4o", 0.17, 0.0117, 2890, 420, 2100, 0.22],
  ["gpt-5-mini", 0.19, 0.0041, 3300, 980, 4400, 0.31],
  ["gemini-2.5-pro", 0.06, 0.0118, 5100, 700, 5200, 0.12],
  ["gpt-4o-mini", 0.24, 0.00071, 2600, 310, 940, 0.18],
  ["mistral-large-latest", 0.03, 0.0049, 1800, 300, 1700, 0],
  ["text-embedding-3-small", 0.08, 0.0000203, 1015, 0, 120, 0],
  ["deepseek-chat", 0.02, 0.00063, 2200, 400, 6100, 0.44],
] as const;

const SPANS: Record<string, number> = { "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY };

export function fakePeriod(name: string, tz: string, now = Date.now()): Period {
  const tomorrow = Math.floor(now / DAY) * DAY + DAY;
  const end = name === "24h" ? Math.floor(now / HOUR) * HOUR + HOUR : tomorrow;
  const span = SPANS[name] ?? new Date(end - 1).getUTCDate() * DAY;
  const start = end - span;
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    name,
    tz,
    start: iso(start),
    end: iso(end),
    previous_start: iso(start - span),
    previous_end: iso(start - (end - now)),
  };
}

export function fakeSummary(period: Period, empty = false): SummaryAnswer {
  const rows = empty ? [] : MODELS.map((_, model) => metrics(model, requestsIn(period)));
  const earlier = empty ? [] : MODELS.map((_, model) => metrics(model, requestsIn(period) * 0.86));
  return { period, summary: sum(rows), previous: sum(earlier) };
}

export function fakeByModel(period: Period, empty = false): ByModelAnswer {
  const rows = empty ? [] : MODELS.map(([model], i) => ({ model, ...metrics(i, requestsIn(period)) }));
  const total = sum(rows).cost_usd ?? 0;
  const shared = rows.map((row) => ({ ...row, share: total ? (row.cost_usd ?? 0) / total : null }));
  shared.sort((a, b) => (b.cost_usd ?? 0) - (a.cost_usd ?? 0));
  return { period, by: ["model"], rows: shared };
}

export function fakeTimeseries(period: Period, limit: number | null): TimeseriesAnswer {
  const [start, end] = [Date.parse(period.start), Date.parse(period.end)];
  const interval: Interval = end - start <= 3 * DAY ? "hour" : "day";
  const step = interval === "hour" ? HOUR : DAY;
  const named = limit === null ? [] : fakeByModel(period).rows.map((row) => row.model);
  const rows: TimeseriesAnswer["rows"] = [];
  for (let at = start; at < end; at += step) {
    const bucket = new Date(at).toISOString().replace(".000Z", "Z");
    const load = (step / DAY) * 900 * busyness(at);
    const each = MODELS.map(([model], i) => ({ model, ...metrics(i, load * wobble(at / step, i)) }));
    if (limit === null) rows.push({ bucket, ...sum(each) });
    else {
      const top = named.slice(0, limit);
      rows.push(...each.filter((row) => top.includes(row.model)).map((row) => ({ bucket, ...row })));
      rows.push({ bucket, model: "other", ...sum(each.filter((row) => !top.includes(row.model))) });
    }
  }
  return { period, interval, by: limit === null ? [] : ["model"], rows };
}

const requestsIn = (period: Period) => ((Date.parse(period.end) - Date.parse(period.start)) / DAY) * 780;

/** Weekends are calm, and so are nights where hours are looked at. */
function busyness(at: number): number {
  const date = new Date(at);
  const weekend = [0, 6].includes(date.getUTCDay()) ? 0.35 : 1;
  const growth = 0.75 + 0.5 * ((at / DAY) % 90) * (1 / 90);
  return weekend * growth * (1 + 0.55 * Math.sin(((date.getUTCHours() - 8) / 24) * 2 * Math.PI));
}

const wobble = (at: number, model: number) => 0.8 + 0.4 * Math.abs(Math.sin(at * 1.7 + model * 2.3));

function metrics(index: number, load: number): Metrics {
  const model = MODELS[index];
  if (!model) throw new RangeError(`no model ${index}`);
  const [, share, price, input, output, latency, cached] = model;
  const requests = Math.round(load * share);
  const cost = Number((requests * price * 1.000173).toFixed(12));
  return {
    requests,
    cost_usd: cost,
    list_cost_usd: cost,
    input_tokens: requests * input,
    output_tokens: requests * output,
    total_tokens: requests * (input + output),
    cache_read_tokens: Math.round(requests * input * cached),
    cache_write_tokens: 0,
    reasoning_tokens: 0,
    errors: Math.round(requests * 0.012),
    aborted: Math.round(requests * 0.003),
    estimated: 0,
    unpriced: 0,
    avg_cost_usd: requests ? price * 1.000173 : null,
    avg_latency_ms: requests ? latency : null,
    error_rate: requests ? 0.012 : null,
    cache_hit_rate: requests ? cached : null,
  };
}

function sum(rows: Metrics[]): Metrics {
  const add = (pick: (row: Metrics) => number | null) => rows.reduce((all, row) => all + (pick(row) ?? 0), 0);
  const requests = add((row) => row.requests);
  const input = add((row) => row.input_tokens);
  const cost = Number(add((row) => row.cost_usd).toFixed(12));
  const errors = add((row) => row.errors);
  return {
    requests,
    cost_usd: cost,
    list_cost_usd: cost,
    input_tokens: input,
    output_tokens: add((row) => row.output_tokens),
    total_tokens: add((row) => row.total_tokens),
    cache_read_tokens: add((row) => row.cache_read_tokens),
    cache_write_tokens: 0,
    reasoning_tokens: 0,
    errors,
    aborted: add((row) => row.aborted),
    estimated: 0,
    unpriced: requests > 100 ? 12 : 0,
    avg_cost_usd: requests ? cost / requests : null,
    avg_latency_ms: requests ? add((row) => (row.avg_latency_ms ?? 0) * row.requests) / requests : null,
    error_rate: requests ? errors / requests : null,
    cache_hit_rate: input ? add((row) => row.cache_read_tokens) / input : null,
  };
}
