import { useQuery } from "@tanstack/react-query";
import type { Exact } from "./exact.ts";
import { get } from "./http.ts";
import { live, type Scope } from "./live.ts";
import type { ByModelAnswer } from "./types.ts";

export type ByModel = Exact<ByModelAnswer>;
export type ModelRow = ByModel["rows"][number];

/** One row per model, the most expensive first; what exceeds `limit` is summed up as "other". */
export const byModel = (scope: Scope, limit: number, signal?: AbortSignal) =>
  get<ByModelAnswer>("/api/analytics/by-model", { ...scope, limit }, signal);

export const useByModel = (scope: Scope, limit: number) =>
  useQuery({
    ...live,
    queryKey: ["by-model", scope, limit],
    queryFn: ({ signal }) => byModel(scope, limit, signal),
  });
