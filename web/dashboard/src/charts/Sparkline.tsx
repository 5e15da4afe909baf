import { useId } from "react";

const HEIGHT = 32;

/** The course of a number in one stroke. Decoration: the numbers are beside it. Unknown values leave gaps. */
export function Sparkline({ values, color }: { values: (number | null)[]; color: string }) {
  const id = useId();
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return <span className="block h-8" />;
  const max = Math.max(...known) || 1;
  const points = values.flatMap((value, index) =>
    value === null
      ? []
      : [[(index / (values.length - 1)) * 100, HEIGHT - 2 - (value / max) * (HEIGHT - 5)] as const],
  );
  const line = points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
  const [first, last] = [points[0]?.[0], points.at(-1)?.[0]];
  return (
    <svg
      viewBox={`0 0 100 ${HEIGHT}`}
      preserveAspectRatio="none"
      className="block h-8 w-full"
      aria-hidden="true"
    >
      <defs>
        <linearGradient id={id} x2="0" y2="1">
          <stop stopColor={color} stopOpacity="0.22" />
          <stop offset="1" stopColor={color} stopOpacity="0" />
        </linearGradient>
      </defs>
      <path d={`${line}L${last} ${HEIGHT}L${first} ${HEIGHT}Z`} fill={`url(#${id})`} />
      <path
        d={line}
        fill="none"
        stroke={color}
        strokeWidth="1.6"
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
