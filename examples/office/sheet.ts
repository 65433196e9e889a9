/** Writes Excel workbooks (.xlsx): texts, amounts of money, dates and formulas with their results. */
import { decimal } from '../engagement/money.ts';
import { escapeXml, zip } from './zip.ts';

/** A text, a whole number, an amount in cents (with or without the formula that gives it), or nothing. */
export type Cell =
  | string
  | number
  | null
  | { readonly cents: number; readonly formula?: string }
  | { readonly bold: string }
  | { readonly date: string };

export interface Sheet {
  readonly name: string;
  /** Column widths in characters. */
  readonly widths: readonly number[];
  readonly rows: readonly (readonly Cell[])[];
}

export const money = (cents: number): Cell => ({ cents });
export const formula = (formula: string, cents: number): Cell => ({ cents, formula });
export const bold = (text: string): Cell => ({ bold: text });
/** An ISO date, shown as Excel shows dates. */
export const date = (iso: string): Cell => ({ date: iso });

export function workbook(sheets: readonly Sheet[]): Buffer {
  const number = sheets.map((_, index) => index + 1);
  return zip({
    '[Content_Types].xml': `${XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>${part('workbook', 'sheet.main')}${part('styles', 'styles')}${number.map((n) => part(`worksheets/sheet${n}`, 'worksheet')).join('')}</Types>`,
    '_rels/.rels': relations([['officeDocument', 'xl/workbook.xml']]),
    'xl/_rels/workbook.xml.rels': relations([
      ...number.map((n) => ['worksheet', `worksheets/sheet${n}.xml`] as const),
      ['styles', 'styles.xml'],
    ]),
    'xl/workbook.xml': `${XML}<workbook ${MAIN} xmlns:r="${OFFICE}"><sheets>${sheets.map(({ name }, index) => `<sheet name="${escapeXml(name)}" sheetId="${index + 1}" r:id="rId${index + 1}"/>`).join('')}</sheets></workbook>`,
    'xl/styles.xml': STYLES,
    ...Object.fromEntries(sheets.map((sheet, index) => [`xl/worksheets/sheet${index + 1}.xml`, worksheet(sheet)])),
  });
}

function worksheet({ widths, rows }: Sheet): string {
  const columns = widths.map(
    (width, index) => `<col min="${index + 1}" max="${index + 1}" width="${width}" customWidth="1"/>`,
  );
  const lines = rows.map(
    (row, index) =>
      `<row r="${index + 1}">${row.map((cell, at) => written(cell, column(at) + (index + 1))).join('')}</row>`,
  );
  return `${XML}<worksheet ${MAIN}>${FIT_WIDTH}<cols>${columns.join('')}</cols><sheetData>${lines.join('')}</sheetData>${LANDSCAPE}</worksheet>`;
}

function written(cell: Cell, at: string): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return `<c r="${at}"><v>${cell}</v></c>`;
  if (typeof cell === 'string') return inline(cell, at, LOOK.plain);
  if ('bold' in cell) return inline(cell.bold, at, LOOK.bold);
  if ('date' in cell) return `<c r="${at}" s="${LOOK.date}"><v>${daySince1900(cell.date)}</v></c>`;
  const rule = cell.formula ? `<f>${escapeXml(cell.formula)}</f>` : '';
  return `<c r="${at}" s="${cell.formula ? LOOK.total : LOOK.money}">${rule}<v>${decimal(cell.cents)}</v></c>`;
}

function inline(text: string, at: string, look: number): string {
  return `<c r="${at}" s="${look}" t="inlineStr"><is><t xml:space="preserve">${escapeXml(text)}</t></is></c>`;
}

/** 0 is A, 25 is Z; no sheet of ours is wider. */
export function column(index: number): string {
  return String.fromCharCode(65 + index);
}

/** Excel counts days from 30 December 1899. */
function daySince1900(iso: string): number {
  return Date.parse(`${iso}T00:00:00Z`) / 86_400_000 + 25_569;
}

/** Positions in the list of cell formats below. */
const LOOK = { plain: 0, bold: 1, money: 2, total: 3, date: 4 };
const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
/** On paper: across, and as wide as one page. */
const FIT_WIDTH = '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>';
const LANDSCAPE = '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/>';
const STYLES = `${XML}<styleSheet ${MAIN}><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border><border><left/><right/><top style="thin"/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="5">${[
  'numFmtId="0" fontId="0" borderId="0"',
  'numFmtId="0" fontId="1" borderId="0" applyFont="1"',
  'numFmtId="4" fontId="0" borderId="0" applyNumberFormat="1"',
  'numFmtId="4" fontId="1" borderId="1" applyNumberFormat="1" applyFont="1" applyBorder="1"',
  'numFmtId="14" fontId="0" borderId="0" applyNumberFormat="1"',
]
  .map((format) => `<xf ${format} fillId="0" xfId="0"/>`)
  .join('')}</cellXfs></styleSheet>`;

function part(name: string, type: string): string {
  return `<Override PartName="/xl/${name}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.${type}+xml"/>`;
}

function relations(targets: readonly (readonly [kind: string, target: string])[]): string {
  const each = targets.map(
    ([kind, target], index) => `<Relationship Id="rId${index + 1}" Type="${OFFICE}/${kind}" Target="${target}"/>`,
  );
  return `${XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${each.join('')}</Relationships>`;
}
