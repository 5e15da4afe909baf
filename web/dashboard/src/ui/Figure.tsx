import { spoken } from "../format/numbers.ts";

/** A figure as it is written. Where that is a dash, what it means is read aloud and shown on pointing. */
export function Figure({ text }: { text: string }) {
  const said = spoken(text);
  if (said === text) return text;
  return (
    <span title={said}>
      <span aria-hidden="true">{text}</span>
      <span className="sr-only">{said}</span>
    </span>
  );
}
