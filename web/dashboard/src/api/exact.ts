/**
 * Money as the decimal digits the server sent.
 *
 * A double holds 15 digits and a large sum at 10⁻¹² dollars has more, so amounts stay text until they are drawn.
 */
export type Usd = string;

/** The type of an answer after `parseExact`: its amounts are digits instead of doubles. */
export type Exact<T> = T extends readonly (infer Item)[]
  ? Exact<Item>[]
  : T extends object
    ? {
        [Key in keyof T]: Key extends "cost_usd" | "avg_cost_usd"
          ? Usd | Extract<T[Key], null | undefined>
          : Exact<T[Key]>;
      }
    : T;

// Inside a JSON string every quote is escaped, so this matches members only, never text that looks like one.
const AMOUNT = /"((?:avg_)?cost_usd)"\s*:\s*(-?\d[\d.eE+-]*)/g;

/** Parses JSON without rounding its amounts. */
export function parseExact<T>(json: string): Exact<T> {
  return JSON.parse(json.replace(AMOUNT, '"$1":"$2"')) as Exact<T>;
}
