import { useState } from "react";
import type { Summary } from "../api/summary.ts";
import type { Timeseries, TimeseriesRow } from "../api/timeseries.ts";
import { formatCount, formatCountShort, formatPercent } from "../format/numbers.ts";
import { previousLabel } from "../format/time.ts";
import { Figure } from "../ui/Figure.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { Usd } from "../ui/Usd.tsx";
import { Delta } from "./Delta.tsx";
import { KpiCard } from "./KpiCard.tsx";
import { UnpricedChip, UnpricedNotice } from "./Unpriced.tsx";

interface KpisProps {
  answer: Summary | undefined;
  series: Timeseries | undefined;
}

const digits = (amount: string | null) => (amount === null ? null : Number(amount));

export function Kpis({ answer, series }: KpisProps) {
  const [explained, setExplained] = useState(false);
  if (!answer) return <KpiSkeletons />;
  const { summary: now, previous: before, period } = answer;
  const course = (pick: (row: TimeseriesRow) => number | null) => series?.rows.map(pick) ?? [];
  return (
    <section aria-label="Key figures" className="space-y-3">
      <dl className="grid grid-cols-2 gap-3 sm:gap-4 lg:grid-cols-6">
        <KpiCard
          hero
          name="Spend"
          value={<Usd amount={now.cost_usd} short />}
          delta={<Delta now={digits(now.cost_usd)} before={digits(before.cost_usd)} more="bad" />}
          note={
            <span className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1.5">
              <span>
                vs <Usd amount={before.cost_usd} short /> · {previousLabel(period)}
              </span>
              {now.unpriced > 0 && (
                <UnpricedChip
                  count={now.unpriced}
                  open={explained}
                  onToggle={() => setExplained(!explained)}
                />
              )}
            </span>
          }
          course={course((row) => digits(row.cost_usd))}
          color="var(--series-1)"
        />
        <KpiCard
          name="Requests"
          value={<span title={formatCount(now.requests)}>{formatCountShort(now.requests)}</span>}
          delta={<Delta now={now.requests} before={before.requests} more="news" />}
          note={
            now.avg_cost_usd === null ? (
              "cost unknown"
            ) : (
              <>
                <Usd amount={now.avg_cost_usd} /> each
              </>
            )
          }
          course={course((row) => row.requests)}
        />
        <KpiCard
          name="Tokens"
          value={<span title={formatCount(now.total_tokens)}>{formatCountShort(now.total_tokens)}</span>}
          delta={<Delta now={now.total_tokens} before={before.total_tokens} more="news" />}
          note={
            <span title={`${formatCount(now.input_tokens)} input, ${formatCount(now.output_tokens)} output`}>
              {formatCountShort(now.input_tokens)} in · {formatCountShort(now.output_tokens)} out
            </span>
          }
          course={course((row) => row.total_tokens)}
        />
        <KpiCard
          name="Cache hit rate"
          value={<Figure text={formatPercent(now.cache_hit_rate)} />}
          delta={<Delta now={now.cache_hit_rate} before={before.cache_hit_rate} more="good" unit="points" />}
          note={
            <span title={formatCount(now.cache_read_tokens)}>
              {formatCountShort(now.cache_read_tokens)} tokens reused
            </span>
          }
          course={course((row) => row.cache_hit_rate)}
        />
        <KpiCard
          name="Error rate"
          value={<Figure text={formatPercent(now.error_rate)} />}
          delta={<Delta now={now.error_rate} before={before.error_rate} more="bad" unit="points" />}
          note={`${formatCountShort(now.errors)} failed · ${formatCountShort(now.aborted)} aborted`}
          course={course((row) => row.error_rate)}
        />
      </dl>
      {now.unpriced > 0 && explained && <UnpricedNotice count={now.unpriced} requests={now.requests} />}
    </section>
  );
}

function KpiSkeletons() {
  return (
    <div className="grid grid-cols-2 gap-3 sm:gap-4 lg:grid-cols-6">
      {["Spend", "Requests", "Tokens", "Cache hit rate", "Error rate"].map((name, index) => (
        <div key={name} className={`panel p-4 sm:p-5 ${index === 0 ? "col-span-2" : ""}`}>
          <p className="text-sm text-ink-2">{name}</p>
          <Skeleton className={`mt-3 ${index === 0 ? "h-9 w-40" : "h-7 w-20"}`} />
          <Skeleton className="mt-3 mb-7 h-3 w-24" />
        </div>
      ))}
    </div>
  );
}
