import type { Scope } from "../api/live.ts";
import { useSearchParam } from "../state/useSearchParam.ts";

export const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export const usePeriod = () => useSearchParam("period", "30d");
export const useZone = () => useSearchParam("tz", LOCAL_ZONE);
/** Empty for all projects. */
export const useProject = () => useSearchParam("project", "");

/** The scope in the address. Any period of the library works there: `?period=2026-10&tz=Asia/Kolkata`. */
export function useScope(): Scope {
  const [period] = usePeriod();
  const [tz] = useZone();
  const [project] = useProject();
  return project ? { period, tz, project } : { period, tz };
}

/** The periods on offer: label of the button, and the name in a sentence. */
export const PERIODS: Record<string, readonly [string, string]> = {
  "24h": ["24 h", "Last 24 hours"],
  "7d": ["7 d", "Last 7 days"],
  "30d": ["30 d", "Last 30 days"],
  "90d": ["90 d", "Last 90 days"],
  mtd: ["Month", "Month to date"],
};

export const periodTitle = (name: string) => PERIODS[name]?.[1] ?? name;
