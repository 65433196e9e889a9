/** The Excel workbooks of the engagement. Every figure comes from the ledger; totals are formulas with their results. */
import { bold, type Cell, column, date, formula, money, type Sheet, workbook } from '../office/sheet.ts';
import { account, accounts, assetClasses } from './ledger.ts';

export function leadSchedules(): Buffer {
  const leads = [...new Set(accounts.map(({ lead }) => lead))];
  return workbook(leads.map(leadSchedule));
}

function leadSchedule(lead: string): Sheet {
  const lines = accounts.filter((account) => account.lead === lead);
  return {
    name: `Lead ${lead}`,
    widths: [8, 46, 18, 18, 18],
    rows: [
      [bold(`Hällwyler Möbel AG, lead schedule ${lead}, 31 December 2025 (CHF)`)],
      [bold('No'), bold('Account'), bold('2024'), bold('2025'), bold('Change')],
      ...lines.map(({ no, name, opening, closing }, index): Cell[] => {
        const row = index + 3;
        return [no, name, money(opening), money(closing), formula(`D${row}-C${row}`, closing - opening)];
      }),
      [
        '',
        bold('Total'),
        ...totals(
          lines.map(({ opening, closing }) => [opening, closing, closing - opening]),
          3,
        ),
      ],
    ],
  };
}

export function bankConfirmations(): Buffer {
  const rows = CONFIRMATIONS.map(({ bank, no, confirmed, sent, received }, index): Cell[] => {
    const { name, closing } = account(no);
    const row = index + 3;
    const difference = formula(`E${row}-D${row}`, confirmed - closing);
    return [
      bank,
      no,
      name,
      money(closing),
      money(confirmed),
      difference,
      date(sent),
      received ? date(received) : 'open',
    ];
  });
  const amounts = CONFIRMATIONS.map(({ no, confirmed }) => [
    account(no).closing,
    confirmed,
    confirmed - account(no).closing,
  ]);
  return workbook([
    {
      name: 'Control',
      widths: [20, 8, 38, 18, 18, 14, 12, 12],
      rows: [
        [bold('A-20 Bank confirmation control, 31 December 2025 (CHF)')],
        ['Bank', 'No', 'Account', 'Ledger', 'Confirmed', 'Difference', 'Sent', 'Received'].map(bold),
        ...rows,
        ['', '', bold('Total'), ...totals(amounts, 3, 3)],
        [],
        ['The difference on 1021 is the rate of the euro: adjusting entry 1.'],
      ],
    },
  ]);
}

/** What the banks wrote, in cents of Swiss francs. */
export const CONFIRMATIONS: readonly {
  bank: string;
  no: number;
  confirmed: number;
  sent: string;
  received?: string;
}[] = [
  { bank: 'Seebank', no: 1020, confirmed: account(1020).closing, sent: '2026-01-05', received: '2026-01-19' },
  {
    bank: 'Seebank',
    no: 1021,
    confirmed: account(1021).closing - 8_412_60,
    sent: '2026-01-05',
    received: '2026-01-19',
  },
  {
    bank: 'Rhein Kantonalkasse',
    no: 1022,
    confirmed: account(1022).closing,
    sent: '2026-01-05',
    received: '2026-01-22',
  },
  {
    bank: 'Rhein Kantonalkasse',
    no: 1023,
    confirmed: account(1023).closing,
    sent: '2026-01-05',
    received: '2026-01-22',
  },
  { bank: 'Alpina Bank', no: 1024, confirmed: account(1024).closing, sent: '2026-01-05', received: '2026-02-11' },
  { bank: 'Alpina Bank', no: 1025, confirmed: account(1025).closing, sent: '2026-01-05' },
];

export function fixedAssets(): Buffer {
  const cost = assetClasses.map(({ name, cost, additions, disposals, transfers }) => {
    const { opening, closing } = account(cost);
    return { name, no: cost, moves: [opening, additions, -disposals, transfers, closing] };
  });
  const depreciation = assetClasses.flatMap(({ name, depreciation, charge, released }) => {
    if (depreciation === undefined) return [];
    const { opening, closing } = account(depreciation);
    return [{ name, no: depreciation, moves: [opening, -charge, released, closing] }];
  });
  return workbook([
    rollForward('Cost', ['Opening', 'Additions', 'Disposals', 'Transfers', 'Closing'], cost),
    rollForward('Depreciation', ['Opening', 'Charge', 'Released', 'Closing'], depreciation),
  ]);
}

/** The last column says by how much the movements miss the closing balance of the ledger. */
function rollForward(
  name: string,
  moves: readonly string[],
  lines: readonly { name: string; no: number; moves: number[] }[],
): Sheet {
  const last = column(moves.length + 1);
  const before = column(moves.length);
  const off = ({ moves }: { moves: number[] }) => 2 * (moves.at(-1) ?? 0) - moves.reduce((sum, move) => sum + move, 0);
  return {
    name,
    widths: [30, 8, ...moves.map(() => 18), 12],
    rows: [
      [bold(`F-10 Fixed assets 2025, ${name.toLowerCase()} (CHF)`)],
      ['Class', 'No', ...moves, 'Check'].map(bold),
      ...lines.map((line, index): Cell[] => {
        const row = index + 3;
        return [
          line.name,
          line.no,
          ...line.moves.map(money),
          formula(`${last}${row}-SUM(C${row}:${before}${row})`, off(line)),
        ];
      }),
      [
        bold('Total'),
        '',
        ...totals(
          lines.map((line) => [...line.moves, off(line)]),
          3,
        ),
      ],
    ],
  };
}

/** One sum for each column of amounts; the first of `lines` stands in row `from`, its first amount in column `left`. */
function totals(lines: readonly number[][], from: number, left = 2): Cell[] {
  const first = lines[0] ?? [];
  return first.map((_, index) => {
    const name = column(left + index);
    const sum = lines.reduce((sum, line) => sum + (line[index] ?? 0), 0);
    return formula(`SUM(${name}${from}:${name}${from + lines.length - 1})`, sum);
  });
}
