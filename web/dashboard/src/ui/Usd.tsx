import type { Usd as Digits } from "../api/exact.ts";
import { exactUsd, formatUsd, formatUsdShort } from "../format/money.ts";

/** An amount, readable; pointing at it shows every digit the server sent. */
export function Usd({ amount, short = false }: { amount: Digits | null; short?: boolean }) {
  if (amount === null) return <span title="No price is known for it">{formatUsd(null)}</span>;
  return (
    <data value={amount} title={exactUsd(amount)}>
      {short ? formatUsdShort(amount) : formatUsd(amount)}
    </data>
  );
}
