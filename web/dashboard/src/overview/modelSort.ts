import type { ModelRow } from "../api/byModel.ts";
import { modelName } from "../charts/series.ts";

export const COLUMNS = [
  "model",
  "cost_usd",
  "share",
  "requests",
  "total_tokens",
  "avg_cost_usd",
  "avg_latency_ms",
] as const;
export type Column = (typeof COLUMNS)[number];

export interface Sort {
  by: Column;
  descending: boolean;
}

/** The next order when a heading is pressed: largest (or A) first, then the other way round. */
export function pressed(sort: Sort, by: Column): Sort {
  return sort.by === by ? { by, descending: !sort.descending } : { by, descending: by !== "model" };
}

/** Rows in order; what is unknown stays at the end either way. */
export function sorted(rows: ModelRow[], { by, descending }: Sort): ModelRow[] {
  const direction = descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    if (by === "model") return direction * modelName(a.model).localeCompare(modelName(b.model));
    const [left, right] = [a[by], b[by]];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return direction * (Number(left) - Number(right));
  });
}
