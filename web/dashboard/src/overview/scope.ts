import type { Scope } from "../api/live.ts";
import { periodName } from "../format/time.ts";
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

/** The periods on offer, and the label of each button. */
export const PERIODS: Record<string, string> = {
  "24h": "24 h",
  "7d": "7 d",
  "30d": "30 d",
  "90d": "90 d",
  mtd: "Month",
};

/** A period as a headline: "Last 30 days". */
export function periodTitle(name: string): string {
  const words = periodName(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
