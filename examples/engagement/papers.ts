/** The other papers: a confirmation as PDF, lists of the client as CSV, notes as text. Their totals agree with the ledger. */
import { pdfPage } from '../office/pdf.ts';
import { account, accounts } from './ledger.ts';
import { decimal, split, swiss } from './money.ts';
import { CONFIRMATIONS } from './sheets.ts';

export function bankConfirmation(): Buffer {
  const balances = CONFIRMATIONS.filter(({ bank }) => bank === 'Seebank');
  const lines = [
    { x: 70, y: 770, size: 20, bold: true, text: 'Seebank' },
    { x: 70, y: 752, size: 9, text: 'Seestrasse 101, 8002 Zürich' },
    { x: 70, y: 700, size: 11, text: 'Ostertor Revision AG, Rathausgasse 12, 8400 Winterthur' },
    { x: 70, y: 660, size: 11, text: 'Zürich, 16 January 2026' },
    { x: 70, y: 620, size: 13, bold: true, text: 'Bank confirmation as of 31 December 2025: Hällwyler Möbel AG' },
    {
      x: 70,
      y: 590,
      size: 11,
      text: 'At your request of 5 January 2026 we confirm the following balances in favour of our client:',
    },
    ...balances.flatMap(({ no, confirmed }, index) => [
      { x: 90, y: 560 - index * 20, size: 11, text: account(no).name },
      { x: 380, y: 560 - index * 20, size: 11, text: `CHF ${swiss(confirmed)}` },
    ]),
    {
      x: 70,
      y: 500,
      size: 11,
      text: `Mortgage on the factory, in our favour: CHF ${swiss(-account(2450).closing - account(2140).closing)}`,
    },
    { x: 70, y: 480, size: 11, text: 'There are no guarantees, pledges or derivatives other than the mortgage.' },
    { x: 70, y: 430, size: 11, text: 'Seebank, Corporate Clients' },
    { x: 70, y: 345, size: 9, text: 'N. Aebischer, vice president' },
  ];
  return pdfPage('Bank confirmation 31 December 2025', lines, [
    [75, 375, 90, 430, 110, 420, 98, 372],
    [82, 392, 100, 396, 112, 398, 120, 384],
    [120, 384, 128, 372, 136, 396, 142, 380],
    [142, 380, 158, 372, 160, 412, 168, 378],
    [168, 378, 190, 370, 205, 392, 240, 386],
  ]);
}

export function trialBalanceExport(): string {
  const rows = accounts.map(({ no, name, opening, closing }) =>
    [no, name, decimal(opening), decimal(closing)].join(';'),
  );
  return csv('Konto;Bezeichnung;Saldo 31.12.2024;Saldo 31.12.2025', rows);
}

/** Customers of the two trade accounts in francs and euro: not due, and overdue by days. The total of each is the ledger's. */
export function agedReceivables(): string {
  const rows = [
    ...aged(1100, [
      'Möbelhaus Zumstein',
      'Intérieur Morges SA',
      'Büro Plus Gmür',
      'Wohnform Aarau',
      'Hotel Seerose',
      'Spital Limmattal',
      'Others',
    ]),
    ...aged(1101, [
      'Meubles Béguin Sàrl, Annecy',
      'Einrichtungshaus Krüger, Konstanz',
      'Arredi Colombo, Como',
      'Others',
    ]),
  ];
  return csv('Account;Customer;Not due;1-30;31-60;61-90;over 90;Total', rows);
}

function aged(no: number, customers: readonly string[]): string[] {
  const shares = split(account(no).closing, customers.length);
  return customers.map((customer, index) => {
    const total = shares[index] ?? 0;
    return [
      no,
      customer,
      ...split(total, 5)
        .sort((a, b) => b - a)
        .map(decimal),
      decimal(total),
    ].join(';');
  });
}

/** The two wage accounts by month; each column adds up to its account. */
export function wagesByMonth(): string {
  const production = split(account(5000).closing, 12);
  const administration = split(account(5001).closing, 12);
  const rows = production.map((wages, index) => {
    const salaries = administration[index] ?? 0;
    return [
      `2025-${String(index + 1).padStart(2, '0')}`,
      decimal(wages),
      decimal(salaries),
      decimal(wages + salaries),
    ].join(';');
  });
  return csv('Monat;5000 Löhne Produktion;5001 Gehälter Verwaltung;Total', rows);
}

export function stockCount(): string {
  const rolls = split(account(1202).closing, COUNTED.length);
  const lines = COUNTED.map(
    (article, index) =>
      `${article.padEnd(38)}${swiss(rolls[index] ?? 0).padStart(14)}   ${index % 3 ? 'counted' : 'counted twice'}`,
  );
  return `${[
    'STOCK COUNT 31 December 2025, warehouse Süd: fabrics and leather (account 1202)',
    'Present: Mr Frei, Mrs Baumann (client), Ben Ochsner (Ostertor)',
    '',
    ...lines,
    '',
    `${'Total, CHF'.padEnd(38)}${swiss(account(1202).closing).padStart(14)}`,
    '',
    'Leather "Cognac" and "Petrol": covered in dust, tags of 2023. See entry 6.',
    'Last delivery note before the count: 58214. First after it: 58215.',
  ].join('\n')}\n`;
}

const COUNTED = [
  'Leather Cognac',
  'Leather Petrol',
  'Leather Noir',
  'Wool felt, grey',
  'Wool felt, crème',
  'Bouclé, natural',
  'Linen, white',
  'Velvet, bottle green',
  'Mixed remnants',
];

export function closingMeeting(): string {
  return `CLOSING MEETING 12 March 2026, 10:00, Winterthur
Mr Hug (CFO), Mrs Lüscher (board); RT, AK, BO

1. Adjusting entries: 1, 2, 3 and 5 are agreed. 4, 6 and 8 to be decided.
2. Advance to a director (1160): terms, resolution of the board.
3. Case Brunner (2640): letter of the lawyer is still missing.
4. Management letter: access rights in the ERP.
5. Timetable to the general meeting on 20 May 2026.
`;
}

/** With the mark that tells spreadsheets that this is UTF-8, and their line ends. */
function csv(header: string, rows: readonly string[]): string {
  return `\uFEFF${[header, ...rows].join('\r\n')}\r\n`;
}
