/** Stands where something is about to appear. */
export function Skeleton({ className }: { className: string }) {
  return (
    <span
      aria-hidden="true"
      className={`block animate-[shimmer_1.6s_ease-in-out_infinite] rounded-md bg-line ${className}`}
    />
  );
}
