import { useQuery } from "@tanstack/react-query";
import type { Exact } from "./exact.ts";
import { get } from "./http.ts";
import { live, type Scope } from "./live.ts";
import type { SummaryAnswer } from "./types.ts";

export type Summary = Exact<SummaryAnswer>;

/** The period's totals beside those of the one before. */
export const summary = (scope: Scope, signal?: AbortSignal) =>
  get<SummaryAnswer>("/api/analytics/summary", { ...scope }, signal);

export const useSummary = (scope: Scope) =>
  useQuery({ ...live, queryKey: ["summary", scope], queryFn: ({ signal }) => summary(scope, signal) });
