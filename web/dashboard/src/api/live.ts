import { keepPreviousData, type Query } from "@tanstack/react-query";
import { isFinal } from "./http.ts";

/** How the analytics hooks stay current: every ten seconds while the page is seen; the last answer stays until the next. */
export const live = {
  refetchInterval: ({ state }: Pick<Query, "state">) => (isFinal(state.error) ? false : 10_000),
  placeholderData: keepPreviousData,
} as const;

/** What every question is about. */
export interface Scope {
  period: string;
  tz: string;
  /** Name of a project; without one, all that the key may see. */
  project?: string;
}
