import { useQuery } from "@tanstack/react-query";
import type { Exact } from "./exact.ts";
import { get } from "./http.ts";
import { live, type Scope } from "./live.ts";
import type { TimeseriesAnswer } from "./types.ts";

export type Timeseries = Exact<TimeseriesAnswer>;
export type TimeseriesRow = Timeseries["rows"][number];

/** How a time series is split: not at all, or into the `limit` largest groups and "other". */
export type Split = { by?: "model"; limit?: number };

/** The period in buckets of the length that suits it, gaps filled with zero rows. */
export const timeseries = (scope: Scope, split: Split, signal?: AbortSignal) =>
  get<TimeseriesAnswer>("/api/analytics/timeseries", { ...scope, ...split }, signal);

export const useTimeseries = (scope: Scope, split: Split) =>
  useQuery({
    ...live,
    queryKey: ["timeseries", scope, split],
    queryFn: ({ signal }) => timeseries(scope, split, signal),
  });
