import type { Usd } from "../api/exact.ts";
import { formatUsd } from "../format/money.ts";
import { formatCount, plural } from "../format/numbers.ts";
import { bucketLabel } from "../format/time.ts";
import { colorOf } from "./palette.ts";
import type { Bucket, Stack } from "./series.ts";

const WIDTH = 304;
const DISTANCE = 20;

interface TooltipProps {
  bucket: Bucket;
  stack: Stack;
  total: Usd | null;
  colors: ReadonlyMap<string, string>;
  x: number;
  room: number;
}

/** What a bar is made of: right of it, left of it, or where both are too narrow, below the chart. */
export function Tooltip({ bucket, stack, total, colors, x, room }: TooltipProps) {
  const drawn = [...bucket.segments].reverse();
  return (
    <div
      aria-hidden="true"
      className="pointer-events-none absolute z-10 rounded-xl border border-line bg-raised p-3 text-sm shadow-pop"
      style={placement(x, room)}
    >
      <p className="mb-2 flex items-baseline justify-between gap-3 border-b border-line pb-2">
        <span className="text-ink-2">{title(bucket, stack)}</span>
        <span className="numeral font-semibold">{formatUsd(total)}</span>
      </p>
      {drawn.length === 0 && <p className="text-ink-3">No requests</p>}
      <ul className="space-y-1">
        {drawn.map(({ model, usd, requests }) => (
          <li key={model} className="flex items-center gap-2">
            <span
              className="size-2.5 shrink-0 rounded-[3px]"
              style={{ background: colorOf(colors, model) }}
            />
            <span className="min-w-0 grow truncate">{model}</span>
            <span className="numeral text-xs text-ink-3">{formatCount(requests)}×</span>
            <span className="numeral min-w-18 text-right">{formatUsd(usd)}</span>
          </li>
        ))}
      </ul>
      {bucket.unpriced > 0 && (
        <p className="mt-2 border-t border-line pt-2 text-warn">{withoutPrice(bucket)}</p>
      )}
    </div>
  );
}

/** The same for those who listen. */
export function tooltipText(bucket: Bucket, stack: Stack, total: Usd | null): string {
  const parts = bucket.segments.map(({ model, usd }) => `${model} ${formatUsd(usd)}`);
  if (bucket.unpriced > 0) parts.push(withoutPrice(bucket));
  return [`${title(bucket, stack)}: ${formatUsd(total)}`, ...parts].join(", ");
}

const title = (bucket: Bucket, { interval, tz }: Stack) =>
  bucketLabel(bucket.start, interval, tz) + (bucket.running ? ", so far" : "");

const withoutPrice = ({ unpriced }: Bucket) => `${plural(unpriced, "request")} without a known price`;

function placement(x: number, room: number) {
  if (x + DISTANCE + WIDTH <= room) return { top: 4, left: x + DISTANCE, width: WIDTH };
  if (x - DISTANCE - WIDTH >= 0) return { top: 4, left: x - DISTANCE - WIDTH, width: WIDTH };
  return { top: "100%", left: 0, width: "100%" };
}
