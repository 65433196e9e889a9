/** Writes Word documents (.docx): titles, headings, paragraphs, bullets and tables. */
import { escapeXml, zip } from './zip.ts';

export type Block =
  | { readonly style: 'Title' | 'Heading1' | 'Normal' | 'ListBullet'; readonly text: string }
  | { readonly table: readonly (readonly string[])[] };

export const title = (text: string): Block => ({ style: 'Title', text });
export const heading = (text: string): Block => ({ style: 'Heading1', text });
export const text = (text: string): Block => ({ style: 'Normal', text });
export const bullet = (text: string): Block => ({ style: 'ListBullet', text });
export const table = (...rows: readonly (readonly string[])[]): Block => ({ table: rows });

export function wordDocument(blocks: readonly Block[]): Buffer {
  return zip({
    '[Content_Types].xml': CONTENT_TYPES,
    '_rels/.rels': relations({ rId1: ['officeDocument', 'word/document.xml'] }),
    'word/_rels/document.xml.rels': relations({ rId1: ['styles', 'styles.xml'], rId2: ['numbering', 'numbering.xml'] }),
    'word/styles.xml': STYLES,
    'word/numbering.xml': NUMBERING,
    'word/document.xml': `${XML}<w:document ${W}><w:body>${blocks.map(block).join('')}${PAGE}</w:body></w:document>`,
  });
}

function block(block: Block): string {
  if ('table' in block) return `${grid(block.table)}<w:p/>`;
  return paragraph(block.text, block.style);
}

function paragraph(content: string, style: string, bold = false): string {
  const look = bold ? '<w:rPr><w:b/></w:rPr>' : '';
  const run = `<w:r>${look}<w:t xml:space="preserve">${escapeXml(content)}</w:t></w:r>`;
  return `<w:p><w:pPr><w:pStyle w:val="${style}"/></w:pPr>${run}</w:p>`;
}

function grid(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0;
  const width = Math.floor(TEXT_WIDTH / columns);
  const cell = (content: string, bold: boolean) =>
    `<w:tc><w:tcPr><w:tcW w:w="${width}" w:type="dxa"/></w:tcPr>${paragraph(content, 'Normal', bold)}</w:tc>`;
  const lines = rows.map((row, index) => `<w:tr>${row.map((content) => cell(content, index === 0)).join('')}</w:tr>`);
  const columnWidths = `<w:gridCol w:w="${width}"/>`.repeat(columns);
  return `<w:tbl><w:tblPr>${BORDERS}</w:tblPr><w:tblGrid>${columnWidths}</w:tblGrid>${lines.join('')}</w:tbl>`;
}

/** Twentieths of a point between the margins of an A4 page. */
const TEXT_WIDTH = 9070;
const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PAGE =
  '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1418" w:right="1418" w:bottom="1418" w:left="1418" w:header="709" w:footer="709" w:gutter="0"/></w:sectPr>';
const BORDERS = `<w:tblW w:w="0" w:type="auto"/><w:tblBorders>${['top', 'left', 'bottom', 'right', 'insideH', 'insideV']
  .map((side) => `<w:${side} w:val="single" w:sz="4" w:space="0" w:color="999999"/>`)
  .join('')}</w:tblBorders>`;

const CONTENT_TYPES = `${XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>${[
  ['document', 'document.main'],
  ['styles', 'styles'],
  ['numbering', 'numbering'],
]
  .map(
    ([part, type]) =>
      `<Override PartName="/word/${part}.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.${type}+xml"/>`,
  )
  .join('')}</Types>`;

function style(id: string, name: string, paragraphLook: string, textLook: string): string {
  const first = id === 'Normal' ? ' w:default="1"' : '';
  const based = id === 'Normal' ? '' : '<w:basedOn w:val="Normal"/>';
  return `<w:style w:type="paragraph"${first} w:styleId="${id}"><w:name w:val="${name}"/>${based}<w:pPr>${paragraphLook}</w:pPr><w:rPr>${textLook}</w:rPr></w:style>`;
}

const STYLES = `${XML}<w:styles ${W}>${[
  style(
    'Normal',
    'Normal',
    '<w:spacing w:after="120"/>',
    '<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri"/><w:sz w:val="22"/>',
  ),
  style('Title', 'Title', '<w:spacing w:after="240"/>', '<w:b/><w:sz w:val="36"/>'),
  style(
    'Heading1',
    'heading 1',
    '<w:keepNext/><w:spacing w:before="240" w:after="80"/><w:outlineLvl w:val="0"/>',
    '<w:b/><w:sz w:val="26"/>',
  ),
  style(
    'ListBullet',
    'List Bullet',
    '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr><w:spacing w:after="60"/>',
    '',
  ),
].join('')}</w:styles>`;

const NUMBERING = `${XML}<w:numbering ${W}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="425" w:hanging="283"/></w:pPr></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>`;

function relations(targets: Record<string, readonly [kind: string, target: string]>): string {
  const each = Object.entries(targets).map(
    ([id, [kind, target]]) => `<Relationship Id="${id}" Type="${OFFICE}/${kind}" Target="${target}"/>`,
  );
  return `${XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${each.join('')}</Relationships>`;
}
