import type { Interval, Period } from "../api/types.ts";
import { dateFormat, isEnglish } from "./locale.ts";
import { plural } from "./numbers.ts";

type Instant = string | number;
type Parts = Pick<Intl.DateTimeFormatOptions, "weekday" | "day" | "month" | "year">;

const SHORT_DAY = { day: "numeric", month: "short" } as const;
const DAY = { weekday: "short", ...SHORT_DAY, year: "numeric" } as const;
/** Length of the buckets that are shorter than a day, in milliseconds. */
const LENGTHS: Partial<Record<Interval, number>> = { "15min": 900_000, hour: 3_600_000 };
const PERIOD_UNITS: Record<string, string> = { h: "hour", d: "day", w: "week" };
const PERIODS: Record<string, string> = {
  mtd: "month to date",
  qtd: "quarter to date",
  ytd: "year to date",
};

/** A date in a zone: in English day before month, "Mon 7 Sep 2026"; in other languages as they write it. */
function date(instant: Instant, tz: string, parts: Parts): string {
  const format = dateFormat({ timeZone: tz, ...parts });
  if (!isEnglish()) return format.format(new Date(instant));
  const named = format.formatToParts(new Date(instant));
  return (["weekday", "day", "month", "year"] as const)
    .flatMap((type) => named.find((part) => part.type === type)?.value ?? [])
    .join(" ");
}

/** Time of day in the zone, by 24 hours: "14:00". */
export function clockOf(instant: Instant, tz: string): string {
  const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", numberingSystem: "latn" } as const;
  const named = dateFormat({ timeZone: tz, ...parts }).formatToParts(new Date(instant));
  const [hour, minute] = (["hour", "minute"] as const).map(
    (type) => named.find((part) => part.type === type)?.value.padStart(2, "0") ?? "",
  );
  return `${hour}:${minute}`;
}

/** A day of the zone: "Mon 23 Nov 2026". */
export const dayOf = (instant: Instant, tz: string) => date(instant, tz, DAY);

/** A day of the zone without its weekday and year: "23 Nov". */
export const shortDayOf = (instant: Instant, tz: string) => date(instant, tz, SHORT_DAY);

/** Short label of a bucket for the axis. Within hours, midnight shows the day that begins. */
export function axisLabel(bucket: string, interval: Interval, tz: string): string {
  if (interval === "month") return date(bucket, tz, { month: "short", year: "numeric" });
  const within = interval in LENGTHS && !isMidnight(bucket, tz);
  return within ? clockOf(bucket, tz) : shortDayOf(bucket, tz);
}

/** Full name of a bucket: "Mon 2 Nov 2026", "Mon 2 Nov, 14:00–15:00". */
export function bucketLabel(bucket: string, interval: Interval, tz: string): string {
  if (interval === "month") return date(bucket, tz, { month: "long", year: "numeric" });
  if (interval === "week") return `Week from ${dayOf(bucket, tz)}`;
  const length = LENGTHS[interval];
  if (length === undefined) return dayOf(bucket, tz);
  const day = date(bucket, tz, { weekday: "short", ...SHORT_DAY });
  return `${day}, ${clockOf(bucket, tz)}–${clockOf(Date.parse(bucket) + length, tz)}`;
}

/** A period by its name, in words where it has some: "last 30 days". */
export function periodName(name: string): string {
  const [, count, letter = ""] = /^(\d+)([hdw])$/.exec(name) ?? [];
  const unit = PERIOD_UNITS[letter];
  if (unit === undefined) return PERIODS[name] ?? name;
  return count === "1" ? `last ${unit}` : `last ${plural(Number(count), unit)}`;
}

/** A period in whole days, "25 Oct – 23 Nov 2026", or to the minute, "22 Nov, 15:15 – 23 Nov, 15:15". */
export function spanLabel({ start, end, tz }: Period): string {
  if (!isMidnight(start, tz) || !isMidnight(end, tz)) {
    return `${dayAndClock(start, tz)} – ${dayAndClock(end, tz)}`;
  }
  const last = Date.parse(end) - 1;
  const to = date(last, tz, { ...SHORT_DAY, year: "numeric" });
  const from = shortDayOf(start, tz);
  return shortDayOf(last, tz) === from ? to : `${from} – ${to}`;
}

/** The span compared with, to the minute where a running period is cut: "25 Sep – 24 Oct, 14:05". */
export function previousLabel({ previous_start: start, previous_end: end, tz }: Period): string {
  const from = isMidnight(start, tz) ? shortDayOf(start, tz) : dayAndClock(start, tz);
  return isMidnight(end, tz)
    ? `${from} – ${shortDayOf(Date.parse(end) - 1, tz)}`
    : `${from} – ${dayAndClock(end, tz)}`;
}

const isMidnight = (instant: string, tz: string) => clockOf(instant, tz) === "00:00";
const dayAndClock = (instant: string, tz: string) => `${shortDayOf(instant, tz)}, ${clockOf(instant, tz)}`;
