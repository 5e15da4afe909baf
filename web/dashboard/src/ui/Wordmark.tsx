/** The mark (bars, one of them with a piece on top) and the name. */
export function Wordmark() {
  return (
    <span className="flex items-center gap-2.5 text-[17px] font-semibold tracking-tight">
      <svg viewBox="0 0 24 24" className="size-7" aria-hidden="true">
        <rect width="24" height="24" rx="6.5" fill="var(--series-1)" />
        <g fill="#fff">
          <rect x="5" y="13" width="3.6" height="6" rx="1.2" />
          <rect x="10.2" y="9" width="3.6" height="10" rx="1.2" />
          <rect x="15.4" y="11.2" width="3.6" height="7.8" rx="1.2" />
        </g>
        <rect x="15.4" y="5" width="3.6" height="5" rx="1.2" fill="#ffd27a" />
      </svg>
      <span>
        Token<span className="text-ink-2">Budget</span>
      </span>
    </span>
  );
}
