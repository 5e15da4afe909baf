import type { ReactNode } from "react";
import { Sparkline } from "../charts/Sparkline.tsx";

interface KpiCardProps {
  name: string;
  value: ReactNode;
  delta?: ReactNode;
  note?: ReactNode;
  course: (number | null)[];
  color?: string;
  hero?: boolean;
}

/** One number, how it changed, what it is made of and how it went. */
export function KpiCard({
  name,
  value,
  delta,
  note,
  course,
  color = "var(--color-ink-3)",
  hero = false,
}: KpiCardProps) {
  return (
    <div className={`panel flex min-w-0 flex-col overflow-hidden pt-4 ${hero ? "col-span-2" : ""}`}>
      <dt className="px-4 text-sm text-ink-2 sm:px-5">{name}</dt>
      <dd className="flex grow flex-col px-4 sm:px-5">
        <span className="mt-1.5 flex flex-wrap items-baseline gap-x-2.5 gap-y-0.5">
          <span className={`numeral font-semibold tracking-tight ${hero ? "text-4xl" : "text-2xl"}`}>
            {value}
          </span>
          {delta}
        </span>
        <span className="mt-1.5 mb-3 text-xs text-ink-3">{note}</span>
        <span className="-mx-5 mt-auto">
          <Sparkline values={course} color={color} />
        </span>
      </dd>
    </div>
  );
}
