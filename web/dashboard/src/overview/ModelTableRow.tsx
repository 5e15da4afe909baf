import type { ReactNode } from "react";
import type { ModelRow } from "../api/byModel.ts";
import { colorOf } from "../charts/palette.ts";
import { modelName } from "../charts/series.ts";
import { formatCount, formatCountShort, formatDuration, formatPercent } from "../format/numbers.ts";
import { Figure } from "../ui/Figure.tsx";
import { Usd } from "../ui/Usd.tsx";

interface ModelTableRowProps {
  row: ModelRow;
  colors: ReadonlyMap<string, string>;
  onHighlight: (model: string | null) => void;
}

/** One model. On a phone its share is drawn under its name instead of in a column of its own. */
export function ModelTableRow({ row, colors, onHighlight }: ModelTableRowProps) {
  const name = modelName(row.model);
  const color = colorOf(colors, name);
  return (
    <tr
      onPointerEnter={() => colors.has(name) && onHighlight(name)}
      onPointerLeave={() => onHighlight(null)}
      className="border-b border-line last:border-0 hover:bg-wash/60"
    >
      <th scope="row" className="py-2.5 pr-3 pl-4 text-left font-medium sm:pl-5">
        <span className="flex items-center gap-2.5">
          <span className="size-2.5 shrink-0 rounded-[3px]" style={{ background: color }} />
          <span className="max-w-44 truncate sm:max-w-56" title={name}>
            {name}
          </span>
          {row.unpriced > 0 && <UnpricedBadge count={row.unpriced} />}
        </span>
        <span className="mt-1.5 flex items-center gap-2 pl-5 font-normal sm:hidden">
          <Share share={row.share} color={color} />
        </span>
      </th>
      <Cell strong>
        <Usd amount={row.cost_usd} />
      </Cell>
      <td className="px-3 py-2.5 max-sm:hidden md:min-w-36 lg:min-w-52">
        <span className="flex items-center gap-2.5">
          <Share share={row.share} color={color} />
        </span>
      </td>
      <Cell>{formatCount(row.requests)}</Cell>
      <Cell>
        <span title={`${formatCount(row.input_tokens)} input, ${formatCount(row.output_tokens)} output`}>
          {formatCountShort(row.total_tokens)}
        </span>
      </Cell>
      <Cell>
        <Usd amount={row.avg_cost_usd} />
      </Cell>
      <Cell>
        <Figure text={formatDuration(row.avg_latency_ms)} />
      </Cell>
    </tr>
  );
}

function Cell({ children, strong = false }: { children: ReactNode; strong?: boolean }) {
  return (
    <td
      className={`px-3 py-2.5 text-right whitespace-nowrap max-sm:align-top last:pr-4 sm:last:pr-5 ${strong ? "font-medium" : ""}`}
    >
      {children}
    </td>
  );
}

function Share({ share, color }: { share: number | null; color: string }) {
  return (
    <>
      <span className="h-1.5 min-w-16 grow overflow-hidden rounded-full bg-wash" aria-hidden="true">
        <span
          className="block h-full rounded-full transition-[width] duration-500"
          style={{ width: `${(share ?? 0) * 100}%`, background: color }}
        />
      </span>
      <span className="w-14 text-right whitespace-nowrap text-ink-2">
        <Figure text={formatPercent(share)} />
      </span>
    </>
  );
}

function UnpricedBadge({ count }: { count: number }) {
  return (
    <span className="rounded-full border border-warn-line bg-warn-wash px-1.5 text-xs font-medium whitespace-nowrap text-warn">
      {formatCount(count)} unpriced
    </span>
  );
}
