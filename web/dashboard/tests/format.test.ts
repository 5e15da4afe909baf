import { describe, expect, it } from "vitest";
import cases from "../../../tests/cases/format.json";
import { axisUsd, exactUsd, formatUsd, formatUsdShort } from "../src/format/money.ts";
import {
  change,
  formatCount,
  formatCountShort,
  formatDuration,
  formatPercent,
  plural,
  spoken,
} from "../src/format/numbers.ts";
import { axisLabel, bucketLabel, clockOf, dayOf, periodName, shortDayOf } from "../src/format/time.ts";

type Value = string | number | null;

const number = (value: Value) => (value === null ? null : Number(value));
const ARROWS = { up: "▲ ", down: "▼ ", none: "" };

function changeText(now: number | null, before: number | null): string {
  const changed = change(now, before);
  return changed ? ARROWS[changed.direction] + changed.size : "";
}

/** What Python and Panel write, this dashboard writes: each rule of the table and who follows it here. */
const RULES: Record<keyof typeof cases, (...values: never[]) => string> = {
  money: formatUsd,
  money_short: formatUsdShort,
  money_exact: exactUsd,
  money_axis: (value: number, step: number) => axisUsd(step)(value),
  number: formatCount,
  number_short: (value: Value) => formatCountShort(number(value)),
  plural,
  percent: (value: Value) => formatPercent(number(value)),
  change: (now: Value, before: Value) => changeText(number(now), number(before)),
  duration: (value: Value) => formatDuration(number(value)),
  spoken,
  clock: clockOf,
  day: dayOf,
  day_short: shortDayOf,
  bucket: bucketLabel,
  bucket_short: axisLabel,
  period: periodName,
};

it("follows every rule of the table", () => expect(Object.keys(RULES)).toEqual(Object.keys(cases)));

describe.each(Object.entries(cases))("%s", (name, rule) => {
  const write = RULES[name as keyof typeof cases];
  it.each((rule.cases as Value[][]).map((row) => [row.slice(0, -1), row.at(-1)]))(
    "%j is %s",
    (values, text) => expect(write(...(values as never[]))).toBe(text),
  );
});
