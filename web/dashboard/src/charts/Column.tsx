import { useId } from "react";
import { colorOf } from "./palette.ts";
import type { Bucket } from "./series.ts";

interface ColumnProps {
  bucket: Bucket;
  x: number;
  width: number;
  y: (value: number) => number;
  colors: ReadonlyMap<string, string>;
  highlighted: string | null;
  /** Milliseconds until it grows. */
  delay: number;
}

const GAP = 1.5;
const ROUNDING = 5;
/** However little was spent, its bar is seen. */
const LOWEST = 2;

/** One bar: its segments from the axis up with thin gaps between them, rounded at the top as a whole. */
export function Column({ bucket, x, width, y, colors, highlighted, delay }: ColumnProps) {
  const clip = useId();
  if (bucket.value <= 0) return null;
  const base = y(0);
  const stretch = Math.max(1, LOWEST / (base - y(bucket.value)));
  const whole = (base - y(bucket.value)) * stretch;
  let below = 0;
  return (
    <g
      clipPath={`url(#${clip})`}
      className="animate-[grow_.5s_cubic-bezier(.2,.8,.2,1)_both]"
      style={{ transformOrigin: `0 ${base}px`, animationDelay: `${Math.round(delay)}ms` }}
    >
      <clipPath id={clip}>
        <path d={dome(x, base, width, whole)} />
      </clipPath>
      {bucket.segments.map(({ model, value }) => {
        const height = (base - y(value)) * stretch;
        below += height;
        const gap = height > 2 * GAP && below < whole - 0.5 ? GAP : 0;
        return (
          <rect
            key={model}
            x={x}
            y={base - below + gap}
            width={width}
            height={height - gap}
            fill={colorOf(colors, model)}
            opacity={highlighted === null || highlighted === model ? 1 : 0.22}
            className="transition-opacity duration-200"
          />
        );
      })}
    </g>
  );
}

function dome(x: number, base: number, width: number, height: number): string {
  const r = Math.min(ROUNDING, width / 3, height);
  return `M${x} ${base}v${r - height}q0 ${-r} ${r} ${-r}h${width - 2 * r}q${r} 0 ${r} ${r}v${height - r}Z`;
}
