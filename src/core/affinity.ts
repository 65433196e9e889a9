/**
 * What SQLite makes of a value by the type that a column declares ("Determination Of Column Affinity" in its
 * documentation): a foreign key compares by the type of what it refers to, and a column keeps values in its own.
 */
import type { Value } from './value.ts';

export type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric';

export function affinityOf(type = ''): Affinity {
  const declared = type.toUpperCase();
  if (declared.includes('INT')) return 'integer';
  if (/CHAR|CLOB|TEXT/.test(declared)) return 'text';
  if (declared === '' || declared === 'ANY' || declared.includes('BLOB')) return 'blob';
  return /REAL|FLOA|DOUB/.test(declared) ? 'real' : 'numeric';
}

/** The value as it is compared with those of a column of this type. */
export function comparedAs(item: Value, type: string | undefined): Value {
  const affinity = affinityOf(type);
  if (affinity === 'text') return typeof item === 'bigint' ? String(item) : item;
  if (affinity === 'blob' || typeof item !== 'string') return item;
  return /^\s*[+-]?\d{1,18}\s*$/.test(item) ? BigInt(item.trim().replace(/^\+/, '')) : item;
}

/** The integer that such a value is, whatever kind it is kept as. null: it is none. */
export function integerIn(item: Value): bigint | null {
  if (typeof item === 'number' && Number.isSafeInteger(item)) return BigInt(item);
  const compared = comparedAs(item, 'INTEGER');
  return typeof compared === 'bigint' ? compared : null;
}

/** An integer or text as a column of this type keeps it. */
export function keptAs(item: Value, type: string | undefined): Value {
  const compared = comparedAs(item, type);
  return typeof compared === 'bigint' && affinityOf(type) === 'real' ? Number(compared) : compared;
}
