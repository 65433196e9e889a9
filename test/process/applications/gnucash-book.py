"""A person at GnuCash, by its own engine and SQLite backend.

gnucash-book.py create BOOK
gnucash-book.py add BOOK WHO COUNT      COUNT transactions of two or three splits, an account and a note
gnucash-book.py edit BOOK WHO           other words and amounts in what is there
gnucash-book.py close BOOK              takes away a lock that was left behind
gnucash-book.py save BOOK               writes all of it anew, as "Save As" does
gnucash-book.py check BOOK              check & repair; prints what the book holds
"""
import ctypes
import json
import os
import sys
import time

from gnucash import Account, GncNumeric, GnuCashBackendException, Session, SessionOpenMode, Split, Transaction
from gnucash.gnucash_core_c import (
    ACCT_TYPE_ASSET,
    ACCT_TYPE_BANK,
    ACCT_TYPE_EXPENSE,
    ACCT_TYPE_INCOME,
    ERR_BACKEND_LOCKED,
)

ACCOUNTS = [("Bank", ACCT_TYPE_BANK), ("Stock", ACCT_TYPE_ASSET), ("Sales", ACCT_TYPE_INCOME), ("Rent", ACCT_TYPE_EXPENSE)]


def opened(path, mode=SessionOpenMode.SESSION_NORMAL_OPEN):
    """As a person does: GnuCash waits for no lock of SQLite, and leaves its own behind where it met one at its end."""
    for _ in range(200):
        try:
            return Session("sqlite3://" + os.path.abspath(path), mode)
        except GnuCashBackendException as error:
            if ERR_BACKEND_LOCKED in error.errors:
                mode = SessionOpenMode.SESSION_BREAK_LOCK
            time.sleep(0.02)
    raise SystemExit("the book cannot be opened")


def currency(book):
    return book.get_table().lookup("CURRENCY", "EUR")


def written(write, is_written):
    """Until GnuCash has written it. What a lock of SQLite's refused it says once and gives up; a person does it again."""
    for _ in range(200):
        write()
        if is_written():
            return
        time.sleep(0.02)
    raise SystemExit("the book refuses to be written")


def account(session, name, kind, parent=None):
    """A refused account stays in memory with an error, and what refers to it is written: it would be lost for good."""
    book = session.book
    session.pop_error()
    made = Account(book)
    made.BeginEdit()
    made.SetName(name)
    made.SetType(kind)
    made.SetCommodity(currency(book))
    (parent or book.get_root_account()).append_child(made)
    made.CommitEdit()

    def again():
        if session.get_error() != 0:
            session.pop_error()
            made.BeginEdit()
            made.CommitEdit()

    written(again, lambda: session.get_error() == 0)


def transaction(book, text, amounts):
    """amounts: account name to cents, coming to nothing. A refused transaction is taken back by GnuCash, in memory too."""
    written(lambda: enter(book, text, amounts), lambda: any(each.GetDescription() == text for each in transactions(book)))


def enter(book, text, amounts):
    made = Transaction(book)
    made.BeginEdit()
    made.SetCurrency(currency(book))
    made.SetDate(21, 11, 2026)
    made.SetDescription(text)
    made.SetNotes("note of " + text)
    root = book.get_root_account()
    for name, cents in amounts.items():
        split = Split(book)
        split.SetParent(made)
        split.SetAccount(root.lookup_by_name(name))
        split.SetValue(GncNumeric(cents, 100))
        split.SetAmount(GncNumeric(cents, 100))
        split.SetMemo(text)
    made.CommitEdit()


def transactions(book):
    found = {}
    for each in book.get_root_account().get_descendants():
        for split in each.GetSplitList():
            parent = split.parent
            found[parent.GetGUID().to_string()] = parent
    return [found[guid] for guid in sorted(found)]


def create(path):
    session = opened(path, SessionOpenMode.SESSION_NEW_STORE)
    session.save()
    session.end()
    session = opened(path)
    for name, kind in ACCOUNTS:
        account(session, name, kind)
    transaction(session.book, "opening", {"Bank": 100000, "Stock": 50000, "Sales": -150000})
    session.end()


def add(path, who, count):
    session = opened(path)
    book = session.book
    account(session, "Travel of " + who, ACCT_TYPE_EXPENSE, book.get_root_account().lookup_by_name("Rent"))
    for n in range(int(count)):
        cents = 100 * (n + 1) + len(who)
        if n % 2 == 0:
            transaction(book, "%s %d" % (who, n), {"Bank": -cents, "Travel of " + who: cents})
        else:
            transaction(book, "%s %d" % (who, n), {"Bank": cents, "Stock": cents, "Sales": -2 * cents})
    session.end()


def edit(path, who):
    session = opened(path)
    for n, each in enumerate(transactions(session.book)):
        text = "%s, read by %s" % (each.GetDescription(), who)
        written(lambda: reword(each, text, n % 3 == 0), lambda: each.GetDescription() == text)
    session.end()


def reword(each, text, is_shifted):
    each.BeginEdit()
    each.SetDescription(text)
    if is_shifted:
        one, other = each.GetSplitList()[:2]
        for split, sign in ((one, 1), (other, -1)):
            value = split.GetValue().add(GncNumeric(sign * 700, 100), 100, 0)
            split.SetValue(value)
            split.SetAmount(value)
    each.CommitEdit()


def close(path):
    opened(path).end()


def save(path):
    session = opened(path)
    session.book.get_root_account().BeginEdit()
    session.book.get_root_account().SetDescription("saved")
    session.save()
    session.book.get_root_account().CommitEdit()
    session.end()


def check(path):
    session = opened(path)
    book = session.book
    before = told(book)
    root = book.get_root_account()
    engine = ctypes.CDLL("libgnc-engine.so")
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_double)(lambda message, percent: None)
    scrubs = (
        ("xaccAccountTreeScrubOrphans", [quiet]),
        ("xaccAccountTreeScrubSplits", []),
        ("xaccAccountTreeScrubImbalance", [quiet]),
    )
    for scrub, more in scrubs:
        getattr(engine, scrub)(ctypes.c_void_p(int(root.instance)), *more)
    after = told(book)
    print(json.dumps({"repaired": before != after, **after}))
    session.end()


def told(book):
    entries = [
        {
            "text": each.GetDescription(),
            "imbalance": str(each.GetImbalanceValue()),
            "splits": sorted([split.GetAccount().name, str(split.GetValue()), split.GetMemo()] for split in each.GetSplitList()),
        }
        for each in transactions(book)
    ]
    accounts = book.get_root_account().get_descendants()
    balances = {each.name: str(each.GetBalance()) for each in accounts}
    total = sum(each.GetBalance().num() * 100 // each.GetBalance().denom() for each in accounts)
    return {"entries": sorted(entries, key=json.dumps), "accounts": dict(sorted(balances.items())), "total": total}


globals()[sys.argv[1]](*sys.argv[2:])
