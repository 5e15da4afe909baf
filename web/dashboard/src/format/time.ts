import type { Interval, Period } from "../api/types.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

/** A date or time of day in a zone. Building a formatter is slow, so each is built once. */
function format(instant: string | number, tz: string, options: Intl.DateTimeFormatOptions): string {
  const key = tz + JSON.stringify(options);
  let formatter = formats.get(key);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-GB", { timeZone: tz, ...options });
    formats.set(key, formatter);
  }
  return formatter.format(new Date(instant));
}

const DAY = { day: "numeric", month: "short" } as const;
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;

/** Short label of a bucket for the axis. Within hours, midnight shows the day that begins. */
export function axisLabel(bucket: string, interval: Interval, tz: string): string {
  if (interval === "month") return format(bucket, tz, { month: "short", year: "2-digit" });
  if (interval === "day" || interval === "week") return format(bucket, tz, DAY);
  const clock = clockOf(bucket, tz);
  return clock === "00:00" ? format(bucket, tz, DAY) : clock;
}

/** Full name of a bucket: "Mon 2 Nov 2026", "Mon 2 Nov, 14:00". */
export function bucketLabel(bucket: string, interval: Interval, tz: string): string {
  if (interval === "month") return format(bucket, tz, { month: "long", year: "numeric" });
  const day = format(bucket, tz, { weekday: "short", ...DAY });
  if (interval === "day") return day;
  return interval === "week" ? `Week from ${day}` : `${day}, ${clockOf(bucket, tz)}`;
}

/** Time of day in the zone, e.g. "14:00". */
export const clockOf = (instant: string | number, tz: string) => format(instant, tz, CLOCK);

/** A period in whole days, "25 Oct – 23 Nov 2026", or to the minute, "22 Nov, 15:15 – 23 Nov, 15:15". */
export function spanLabel({ start, end, tz }: Period): string {
  if (!isMidnight(start, tz) || !isMidnight(end, tz)) {
    return `${dayAndClock(start, tz)} – ${dayAndClock(end, tz)}`;
  }
  const last = Date.parse(end) - 1;
  const from = format(start, tz, DAY);
  const to = format(last, tz, { ...DAY, year: "numeric" });
  return format(last, tz, DAY) === from ? to : `${from} – ${to}`;
}

/** The span compared with, to the minute where a running period is cut: "25 Sept – 24 Oct, 14:05". */
export function previousLabel({ previous_start: start, previous_end: end, tz }: Period): string {
  const from = isMidnight(start, tz) ? format(start, tz, DAY) : dayAndClock(start, tz);
  return isMidnight(end, tz)
    ? `${from} – ${format(Date.parse(end) - 1, tz, DAY)}`
    : `${from} – ${dayAndClock(end, tz)}`;
}

const isMidnight = (instant: string, tz: string) => clockOf(instant, tz) === "00:00";
const dayAndClock = (instant: string, tz: string) => `${format(instant, tz, DAY)}, ${clockOf(instant, tz)}`;
