"""A person at Gramps, by its own database layer.

gramps-tree.py create TREE              TREE: a folder
gramps-tree.py add TREE WHO COUNT       families of three
gramps-tree.py edit TREE WHO NAME       notes at everybody whose family name begins so
gramps-tree.py repair TREE              finds anew who refers to whom, as Gramps's own tool does
gramps-tree.py check TREE               every reference leads to somebody; prints who is there
"""
import json
import os
import sys

from gramps.gen.db import DbTxn
from gramps.gen.db.utils import make_database
from gramps.gen.lib import ChildRef, Family, Name, Note, Person, Surname


def opened(tree):
    database = make_database("sqlite")
    database.load(tree, None)
    return database


def create(tree):
    os.makedirs(tree, exist_ok=True)
    database = opened(tree)
    family(database, "Stone", 0)
    database.close()


def person(database, transaction, given, surname):
    made = Person()
    name, family_name = Name(), Surname()
    family_name.set_surname(surname)
    name.set_first_name(given)
    name.add_surname(family_name)
    made.set_primary_name(name)
    database.add_person(made, transaction)
    return made


def family(database, surname, n):
    with DbTxn("add a family", database) as transaction:
        father = person(database, transaction, "Father %d" % n, surname)
        mother = person(database, transaction, "Mother %d" % n, surname)
        child = person(database, transaction, "Child %d" % n, surname)
        made = Family()
        made.set_father_handle(father.handle)
        made.set_mother_handle(mother.handle)
        link = ChildRef()
        link.set_reference_handle(child.handle)
        made.add_child_ref(link)
        database.add_family(made, transaction)
        for parent in (father, mother):
            parent.add_family_handle(made.handle)
            database.commit_person(parent, transaction)
        child.add_parent_family_handle(made.handle)
        database.commit_person(child, transaction)


def add(tree, who, count):
    database = opened(tree)
    for n in range(int(count)):
        family(database, who, n)
    database.close()


def edit(tree, who, name):
    database = opened(tree)
    people = (database.get_person_from_handle(handle) for handle in sorted(database.get_person_handles()))
    for handle in [each.handle for each in people if each.get_primary_name().get_surname().startswith(name)]:
        with DbTxn("add a note", database) as transaction:
            note = Note("read by " + who)
            database.add_note(note, transaction)
            found = database.get_person_from_handle(handle)
            found.add_note(note.handle)
            database.commit_person(found, transaction)
    database.close()


def repair(tree):
    database = opened(tree)
    database.reindex_reference_map(lambda percent: None)
    database.close()


def check(tree):
    database = opened(tree)
    broken = []
    kinds = {
        "Person": (database.get_person_handles, database.get_person_from_handle),
        "Family": (database.get_family_handles, database.get_family_from_handle),
        "Note": (database.get_note_handles, database.get_note_from_handle),
    }
    handles = {(kind, handle) for kind, (all_of, _) in kinds.items() for handle in all_of()}
    back = {}
    for kind, (all_of, one) in kinds.items():
        for handle in all_of():
            for other_kind, other in one(handle).get_referenced_handles_recursively():
                if other_kind in kinds and (other_kind, other) not in handles:
                    broken.append([kind, handle, other_kind, other])
                back.setdefault((other_kind, other), set()).add((kind, handle))
    # What Gramps keeps beside its rows to find who refers to whom must say the same.
    for kind, handle in sorted(handles):
        kept = set(database.find_backlink_handles(handle))
        if kept != back.get((kind, handle), set()):
            broken.append([kind, handle, sorted(kept), sorted(back.get((kind, handle), set()))])
    people = sorted(
        "%s %s" % (each.get_primary_name().get_first_name(), each.get_primary_name().get_surname())
        for each in (database.get_person_from_handle(handle) for handle in database.get_person_handles())
    )
    notes = sorted(database.get_note_from_handle(handle).get() for handle in database.get_note_handles())
    print(json.dumps({"broken": broken, "people": people, "families": database.get_number_of_families(), "notes": notes}))
    database.close()


globals()[sys.argv[1]](*sys.argv[2:])
