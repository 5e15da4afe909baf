import type { PointerEvent } from "react";
import { axisUsd } from "../format/money.ts";
import { axisLabel } from "../format/time.ts";
import { Column } from "./Column.tsx";
import { labelled, ticks } from "./scale.ts";
import type { Bucket, Stack } from "./series.ts";
import { Tooltip, tooltipText } from "./Tooltip.tsx";
import { useActiveBucket } from "./useActiveBucket.ts";
import { useWidth } from "./useWidth.ts";

const HEIGHT = 288;
const TOP = 10;
const BOTTOM = 26;
const LEFT = 58;
const LABEL_ROOM = 64;
const LABEL_HALF = 22;
const WIDEST_BAR = 44;

interface StackedBarsProps {
  stack: Stack;
  colors: ReadonlyMap<string, string>;
  highlighted: string | null;
  totalOf: (bucket: Bucket) => string | null;
}

/** Stacked bars over time, for the pointer, the finger and the keyboard. */
export function StackedBars({ stack, colors, highlighted, totalOf }: StackedBarsProps) {
  const { buckets, interval, tz } = stack;
  const [ref, width] = useWidth<HTMLDivElement>();
  const slot = Math.max(0, width - LEFT) / Math.max(1, buckets.length);
  const bucketAt = ({ clientX, currentTarget }: PointerEvent<HTMLElement>) =>
    Math.floor((clientX - currentTarget.getBoundingClientRect().left - LEFT) / slot);
  const [active, handlers] = useActiveBucket(buckets.length, bucketAt);
  const scale = ticks(Math.max(...buckets.map(({ value }) => value), 0));
  const top = scale.at(-1) ?? 1;
  const y = (value: number) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const money = axisUsd(scale[1] ?? 1);
  const bar = Math.min(WIDEST_BAR, slot * (slot < 8 ? 0.8 : 0.68));
  const center = (index: number) => LEFT + slot * (index + 0.5);
  const labels = labelled(
    buckets.map(({ start }) => start),
    interval,
    tz,
    Math.max(2, (width - LEFT) / LABEL_ROOM),
  );
  const shown = active === null ? undefined : buckets[active];

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset groups inputs, this is a figure one steps through.
    <div
      ref={ref}
      role="group"
      aria-roledescription="bar chart"
      aria-label="Spend over time by model. Arrow keys step through it."
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard reaches what the pointer reaches.
      tabIndex={0}
      className="relative touch-pan-y rounded-lg select-none"
      style={{ height: HEIGHT }}
      {...handlers}
    >
      <svg width={width} height={HEIGHT} className="block" aria-hidden="true">
        {scale.map((value) => (
          <g key={value} className="text-ink-3">
            <line
              x1={LEFT}
              x2={width}
              y1={y(value)}
              y2={y(value)}
              stroke="var(--color-line)"
              strokeDasharray={value ? "3 4" : ""}
            />
            <text x={LEFT - 10} y={y(value) + 4} textAnchor="end" className="numeral fill-current text-xs">
              {money(value)}
            </text>
          </g>
        ))}
        {active !== null && (
          <rect
            x={LEFT + slot * active}
            y={TOP - 6}
            width={slot}
            height={HEIGHT - TOP - BOTTOM + 6}
            rx={Math.min(6, slot / 3)}
            className="fill-wash"
          />
        )}
        {buckets.map((bucket, index) => (
          <Column
            key={bucket.start}
            bucket={bucket}
            x={center(index) - bar / 2}
            width={bar}
            y={y}
            colors={colors}
            highlighted={highlighted}
            delay={(index / buckets.length) * 240}
          />
        ))}
        {labels.map((index) => (
          <text
            key={index}
            x={Math.min(center(index), width - LABEL_HALF)}
            y={HEIGHT - 6}
            textAnchor="middle"
            className="numeral fill-ink-3 text-xs"
          >
            {axisLabel(buckets[index]?.start ?? "", interval, tz)}
          </text>
        ))}
      </svg>
      {shown && active !== null && (
        <Tooltip
          bucket={shown}
          stack={stack}
          total={totalOf(shown)}
          colors={colors}
          x={center(active)}
          room={width}
        />
      )}
      <p aria-live="polite" className="sr-only">
        {shown && tooltipText(shown, stack, totalOf(shown))}
      </p>
    </div>
  );
}
