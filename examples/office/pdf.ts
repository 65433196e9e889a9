/** Writes a PDF of one page: lines of text in Helvetica, and pen strokes for a signature. */

export interface Line {
  /** Points from the left and from the bottom edge of an A4 page (595 x 842). */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly bold?: boolean;
  /** Letters of Windows-1252 up to ÿ: the font is not embedded. */
  readonly text: string;
}

/** A curve through four points: start, two handles, end. */
export type Stroke = readonly [number, number, number, number, number, number, number, number];

export function pdfPage(title: string, lines: readonly Line[], strokes: readonly Stroke[]): Buffer {
  const drawing = [
    ...lines.map(
      ({ x, y, size, bold, text }) => `BT /${bold ? 'F2' : 'F1'} ${size} Tf ${x} ${y} Td (${escaped(text)}) Tj ET`,
    ),
    '0.1 0.15 0.5 RG 1.4 w 1 J',
    ...strokes.map(([x, y, ...curve]) => `${x} ${y} m ${curve.join(' ')} c S`),
  ].join('\n');
  const font = (name: string) => `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`;
  return document([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>',
    `<< /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`,
    font('Helvetica'),
    font('Helvetica-Bold'),
    `<< /Title (${escaped(title)}) >>`,
  ]);
}

/** Objects are numbered from 1: the first is the catalogue, the last the information. The table at the end says where each begins. */
function document(objects: readonly string[]): Buffer {
  let body = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}`;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R /Info ${objects.length} 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
  return Buffer.from(body + table + trailer, 'latin1');
}

function escaped(text: string): string {
  return text.replace(/[\\()]/g, '\\$&');
}
