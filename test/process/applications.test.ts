/** Real applications of Debian, each worked on in two copies at once, connected and not. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { beets, hasBeets } from './applications/beets.ts';
import { gnucash, hasGnucash } from './applications/gnucash.ts';
import { gramps, hasGramps, noteAt, repair } from './applications/gramps.ts';
import { type Application, checked, edited, publishedTo } from './applications/together.ts';
import { type Copy, conflictsOf } from './engagement.ts';
import { Office } from './office.ts';

const limit = { timeout: 500_000 };

/** Why an application is not tried, said aloud: `.ci/run applications` installs all of them. */
async function without(name: string, has: Promise<boolean>): Promise<string | false> {
  if (await has) return false;
  const reason = `${name} IS NOT INSTALLED: nothing is known of it here (.ci/run applications installs it)`;
  process.stderr.write(`\n!!!! ${reason}\n\n`);
  return reason;
}

const missing = {
  gnucash: await without('GnuCash', hasGnucash()),
  beets: await without('beets', hasBeets()),
  gramps: await without('Gramps', hasGramps()),
};

/** Both add at the same time, connected; then both add, and edit what is there, on their own. Told last: what is there. */
async function together<T>(
  application: Application<T>,
  name: string,
  more: (copies: readonly Copy[]) => Promise<void> = async () => {},
): Promise<T> {
  const office = await Office.begin();
  try {
    const copies = await publishedTo(office, application, ['ana', 'ben'], name);
    await checked(application, copies);
    await edited(copies, 'online', (copy) => application.add(copy, 1));
    await checked(application, copies);
    await edited(copies, 'offline', (copy) => application.add(copy, 2));
    await checked(application, copies);
    await edited(copies, 'offline', async (copy) => {
      await application.edit(copy, 3);
      await application.add(copy, 4);
    });
    const told = await checked(application, copies);
    await more(copies);
    return told;
  } finally {
    await office.close();
  }
}

suite('real applications', limit, () => {
  test('PRC24 Gramps: two add families and notes, connected and not, and every reference leads to somebody', {
    skip: missing.gramps,
  }, async () => {
    const { people, families, notes } = await together(gramps, 'Tree', async (copies) => {
      // A person is one value to Gramps: two notes at one person are a conflict, and of the other's note only what
      // Gramps keeps beside it is left. Its own tool puts that right.
      await edited(copies, 'offline', async (copy) => void (await noteAt(copy, 5, 'Stone')));
      assert.ok((await conflictsOf(copies)).length >= 3);
      await repair(copies[0] as Copy);
      await checked(gramps, copies);
    });
    // Three rounds of three families by both, and the first; notes at those of the first two rounds.
    assert.deepEqual([families, people.length, notes.length], [19, 57, 36]);
  });

  test('PRC24 GnuCash: two enter and change transactions, connected and not, and check & repair finds nothing', {
    skip: missing.gnucash,
  }, async () => {
    const { entries, accounts } = await together(gnucash, 'Books');
    assert.equal(entries.length, 1 + 2 * 3 * 4);
    assert.equal(Object.keys(accounts).filter((name) => name.startsWith('Travel of')).length, 6);
  });

  test('PRC24 beets: two add albums and listen to all, connected and not, and every song is in its album with its own attributes', {
    skip: missing.beets,
  }, async () => {
    const { albums, songs } = await together(beets, 'Music');
    assert.deepEqual([albums.length, songs.length], [13, 39]);
    // Both listened to what was there before.
    const byBoth = ['heard by ana-3', 'heard by ben-3'];
    assert.equal(albums.filter(([, heard]) => String(heard) === String(byBoth)).length, 9);
    assert.equal(songs.filter(([, heard]) => String(heard) === String(byBoth)).length, 27);
  });
});
