/** The Word documents of the engagement. */
import { bullet, heading, table, text, title, wordDocument } from '../office/word.ts';
import { accounts } from './ledger.ts';
import { swiss } from './money.ts';

export function engagementLetter(): Buffer {
  return wordDocument([
    title('Engagement letter'),
    text('Ostertor Revision AG, Rathausgasse 12, 8400 Winterthur'),
    text('To the board of directors of Hällwyler Möbel AG, Industriestrasse 48, 8404 Winterthur'),
    text('Winterthur, 6 October 2025'),
    heading('Audit of the annual accounts 2025'),
    text(
      'The general meeting of 21 May 2025 elected us as auditors for the financial year from 1 January to 31 December 2025. This letter confirms our acceptance and sets out the terms of our work.',
    ),
    heading('What we will do'),
    bullet('Ordinary audit of the annual accounts according to Swiss law and the Swiss Standards on Auditing.'),
    bullet('Examination of the existence of an internal control system.'),
    bullet('A comprehensive report to the board and a summary report to the general meeting by 17 April 2026.'),
    heading('What we need from you'),
    bullet('The trial balance with the figures of the previous year by 23 January 2026.'),
    bullet('Access to the books, contracts and minutes, and to the people who can explain them.'),
    bullet('Presence at the stock count on 31 December 2025 in the warehouses Nord and Süd.'),
    heading('Team and fees'),
    table(
      ['Person', 'Role', 'Hours', 'CHF'],
      ['Dr. Regula Thöny', 'Partner', '24', swiss(8_640_00)],
      ['Ana Keller', 'Manager', '70', swiss(17_500_00)],
      ['Ben Ochsner', 'Senior', '120', swiss(21_600_00)],
      ['Chloé Morand', 'Assistant', '110', swiss(14_300_00)],
      ['Total', '', '324', swiss(62_040_00)],
    ),
    text('Please sign and return the second copy of this letter.'),
    text('Dr. Regula Thöny, partner                    Ana Keller, manager'),
  ]);
}

export function planningMemorandum(): Buffer {
  const revenue = -total('R');
  return wordDocument([
    title('Planning memorandum'),
    text(
      'Hällwyler Möbel AG, financial year 2025. Prepared by AK on 14 November 2025, reviewed by RT on 18 November 2025.',
    ),
    heading('The client'),
    text(
      `Hällwyler makes tables, sofas, kitchens and office furniture in Winterthur and sells them through four showrooms and to retail chains. Revenue is about CHF ${swiss(revenue)}, 168 people work there. The shares are held by Hällwyler Holding AG.`,
    ),
    heading('Materiality'),
    table(
      ['', 'CHF', 'Basis'],
      ['Materiality', swiss(340_000_00), '0.75 % of revenue'],
      ['Performance materiality', swiss(255_000_00), '75 % of materiality'],
      ['Clearly trivial', swiss(17_000_00), '5 % of materiality'],
    ),
    heading('Significant risks'),
    table(
      ['Lead', 'Risk', 'Answer'],
      ['R Revenue', 'Sales before delivery at the year end', 'Delivery notes of the last and first two weeks'],
      ['B Receivables', 'Retail chains in difficulty', 'Confirmations, payments after the year end, court notices'],
      ['C Inventories', 'Slow-moving leather and fabrics', 'Count, ageing, price tests'],
      ['P Provisions', 'Case Brunner and warranty', 'Letter of the lawyer, claims after the year end'],
    ),
    heading('Timetable'),
    bullet('Interim work: 17 to 21 November 2025'),
    bullet('Stock count: 31 December 2025'),
    bullet('Final work: 2 to 20 February 2026'),
    bullet('Closing meeting: 12 March 2026'),
    heading('Who does what'),
    text(
      'Ben: revenue, receivables, inventories, fixed assets. Chloé: banks, personnel, payables. Ana: provisions, equity, taxes.',
    ),
  ]);
}

export function managementLetter(): Buffer {
  return wordDocument([
    title('Management letter'),
    text('DRAFT of 19 February 2026, not yet discussed with the client'),
    text('To the board of directors of Hällwyler Möbel AG'),
    text(
      'During our audit of the annual accounts 2025 we noted the following points. None of them changes our opinion.',
    ),
    heading('1 Access rights in the ERP system'),
    text(
      'Seven people can both change the bank details of suppliers and release payments. We recommend that the two be separated by 30 June 2026.',
    ),
    heading('2 Cut-off of sales'),
    text(
      'Six invoices for sofas were issued before delivery. The system should accept an invoice only after the delivery note.',
    ),
    heading('3 Accrual of holidays'),
    text('The list of holidays leaves out the night shift. The report should be made from the time recording system.'),
    heading('4 Slow-moving leather'),
    text('Leather without use for more than two years carries no allowance. We recommend a rule by age.'),
    heading('Points of the previous year'),
    table(
      ['Point', 'State'],
      ['Petty cash counted by its keeper', 'done'],
      ['Contracts with related parties in writing', 'open: loan to Hällwyler Immobilien AG'],
    ),
  ]);
}

function total(lead: string): number {
  return accounts.filter((account) => account.lead === lead).reduce((sum, account) => sum + account.closing, 0);
}
