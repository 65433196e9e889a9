/** The client's figures: trial-balance.csv and fixed-assets.csv beside this file. Debits are positive, credits negative. */
import { readFileSync } from 'node:fs';
import { cents } from './money.ts';

export interface Account {
  readonly no: number;
  readonly name: string;
  readonly lead: string;
  /** Cents, 31 December 2024 and 2025. */
  readonly opening: number;
  readonly closing: number;
}

/** One class of fixed assets and what happened to it in the year. */
export interface AssetClass {
  readonly name: string;
  readonly cost: number;
  /** Left out for land and what is under construction. */
  readonly depreciation: number | undefined;
  readonly additions: number;
  readonly disposals: number;
  readonly transfers: number;
  readonly charge: number;
  readonly released: number;
}

export const accounts: readonly Account[] = read('trial-balance.csv').map(([no, name, lead, opening, closing]) => ({
  no: Number(no),
  name: String(name),
  lead: String(lead),
  opening: cents(String(opening)),
  closing: cents(String(closing)),
}));

export const assetClasses: readonly AssetClass[] = read('fixed-assets.csv').map(
  ([name, cost, depreciation, ...amounts]) => {
    const [additions = 0, disposals = 0, transfers = 0, charge = 0, released = 0] = amounts.map(cents);
    const contra = depreciation ? Number(depreciation) : undefined;
    return {
      name: String(name),
      cost: Number(cost),
      depreciation: contra,
      additions,
      disposals,
      transfers,
      charge,
      released,
    };
  },
);

export function account(no: number): Account {
  const found = accounts.find((account) => account.no === no);
  if (!found) throw new Error(`the trial balance has no account ${no}`);
  return found;
}

/** Rows without the first one, which names the columns. Semicolons, as spreadsheets write them in Switzerland. */
function read(file: string): string[][] {
  const lines = readFileSync(new URL(file, import.meta.url), 'utf8')
    .trimEnd()
    .split(/\r?\n/);
  return lines.slice(1).map((line) => line.split(';'));
}
