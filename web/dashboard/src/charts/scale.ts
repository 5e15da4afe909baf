import type { Interval } from "../api/types.ts";
import { clockOf } from "../format/time.ts";

/** Round steps of an axis from zero to at least `max`, about `count` of them. */
export function ticks(max: number, count = 4): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
  const steps = Math.ceil(max / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => index * step);
}

/** Indices of the buckets that get a label when `room` labels fit: full hours of the zone, or every n-th day. */
export function labelled(starts: string[], interval: Interval, tz: string, room: number): number[] {
  const all = starts.map((_, index) => index);
  if (interval === "hour" || interval === "15min") {
    for (const hours of [1, 2, 3, 4, 6, 12, 24]) {
      const chosen = all.filter((index) => isMultiple(clockOf(starts[index] ?? "", tz), hours));
      if (chosen.length <= room) return chosen;
    }
  }
  const stride = Math.max(1, Math.ceil(starts.length / room));
  return all.filter((index) => (starts.length - 1 - index) % stride === 0);
}

function isMultiple(clock: string, hours: number): boolean {
  const [hour = 0, minute = 0] = clock.split(":").map(Number);
  return minute === 0 && hour % hours === 0;
}
