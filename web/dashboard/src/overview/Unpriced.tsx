import { formatCount } from "../format/numbers.ts";
import { Icon } from "../ui/Icon.tsx";

const NOTICE = "unpriced-notice";

interface UnpricedChipProps {
  count: number;
  open: boolean;
  onToggle: () => void;
}

/** A cost that leaves something out says so, next to the number. */
export function UnpricedChip({ count, open, onToggle }: UnpricedChipProps) {
  return (
    <button
      type="button"
      onClick={onToggle}
      aria-expanded={open}
      aria-controls={NOTICE}
      className="inline-flex items-center gap-1 rounded-full border border-warn-line bg-warn-wash px-2 py-0.5 text-xs font-medium text-warn hover:brightness-97"
    >
      <Icon name="warning" className="size-3.5" />
      {formatCount(count)} unpriced
    </button>
  );
}

export function UnpricedNotice({ count, requests }: { count: number; requests: number }) {
  return (
    <p
      id={NOTICE}
      className="animate-[rise_.25s_ease-out] rounded-xl border border-warn-line bg-warn-wash px-4 py-3 text-sm text-ink"
    >
      <strong className="font-semibold">
        {formatCount(count)} of {formatCount(requests)} requests have no known price,
      </strong>{" "}
      so the true spend is higher than shown. Their cost counts as unknown, not as zero. In a notebook,{" "}
      <code className="font-mono text-[13px]">tb.coverage()</code> tells which they are, why, and what to do.
    </p>
  );
}
