/**
 * Makes the example: the engagement file of a fictional audit, ready to be published.
 * Nothing here is random or dated by the clock, so every run gives the same bytes.
 *
 *     npx node examples/make.ts FOLDER
 */
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeDatabase } from './engagement/database.ts';
import { engagementLetter, managementLetter, planningMemorandum } from './engagement/letters.ts';
import {
  agedReceivables,
  bankConfirmation,
  closingMeeting,
  stockCount,
  trialBalanceExport,
  wagesByMonth,
} from './engagement/papers.ts';
import { bankConfirmations, fixedAssets, leadSchedules } from './engagement/sheets.ts';

/** By path: when it was last saved, and what makes its content. */
const DOCUMENTS: Record<string, readonly [saved: string, content: () => Buffer | string]> = {
  '01 Planning/Engagement letter 2025.docx': ['2025-10-06T15:12', engagementLetter],
  '01 Planning/Planning memorandum.docx': ['2025-11-18T09:40', planningMemorandum],
  '02 Lead schedules/Lead schedules 2025.xlsx': ['2026-02-02T16:05', leadSchedules],
  'A Cash and banks/Bank confirmation control.xlsx': ['2026-02-04T11:21', bankConfirmations],
  'A Cash and banks/Confirmation Seebank 2025-12-31.pdf': ['2026-01-19T08:02', bankConfirmation],
  'B Receivables/Aged receivables 2025-12-31.csv': ['2026-01-23T14:30', agedReceivables],
  'C Inventories/Stock count Lager Süd.txt': ['2025-12-31T17:48', stockCount],
  'F Fixed assets/Fixed assets roll-forward.xlsx': ['2026-02-12T10:09', fixedAssets],
  'PBC from client/Trial balance export.csv': ['2026-01-22T17:55', trialBalanceExport],
  'T Löhne und Sozialversicherungen/Lohnjournal 2025.csv': ['2026-01-22T18:01', wagesByMonth],
  '90 Completion/Management letter (draft).docx': ['2026-02-19T18:33', managementLetter],
  '90 Completion/Closing meeting.txt': ['2026-02-19T18:40', closingMeeting],
};

/** The folder must be empty or not be there yet. */
export function makeExample(folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) throw new Error(`${folder} is not empty; name a new folder`);
  for (const [path, [saved, content]] of Object.entries(DOCUMENTS)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content());
    const time = new Date(`${saved}:00Z`);
    utimesSync(file, time, time);
  }
  makeDatabase(join(folder, 'Engagement.db'));
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (!folder) {
    console.error('usage: npx node examples/make.ts FOLDER');
    process.exit(2);
  }
  makeExample(resolve(folder));
  console.log(`The example is in ${resolve(folder)}`);
}
