"""A person at beets, by its own library layer.

beets-library.py create LIBRARY
beets-library.py add LIBRARY WHO COUNT      COUNT albums of three songs, each with what WHO thinks of it
beets-library.py edit LIBRARY WHO           who listened last, for every album and song that is there
beets-library.py check LIBRARY              every song is in its album and has its own attributes; prints what is there
"""
import json
import sys

# Debian keeps it beside the modules of Python.
sys.path.insert(0, "/usr/share/beets")
from beets.library import Item, Library  # noqa: E402


def opened(path):
    return Library(path, "/music")


def create(path):
    library = opened(path)
    album(library, "nobody", 0)
    library._close()


def album(library, who, n):
    songs = []
    for track in (1, 2, 3):
        title = "%s %d/%d" % (who, n, track)
        songs.append(Item(title=title, album="%s %d" % (who, n), albumartist=who, track=track, path="/music/%s.mp3" % title))
    made = library.add_album(songs)
    made["bought_by"] = who
    made.store()
    for song in songs:
        # A flexible attribute: a row of another table, which names the song by its number.
        song["mood"] = "mood of " + song.title
        song.store()


def add(path, who, count):
    library = opened(path)
    for n in range(int(count)):
        album(library, who, n)
    library._close()


def edit(path, who):
    library = opened(path)
    with library.transaction():
        for each in list(library.albums()) + list(library.items()):
            each["last_" + who] = "heard by " + who
            each.store()
    library._close()


def check(path):
    library = opened(path)
    broken, albums, songs = [], [], []
    for each in library.albums():
        names = sorted(song.title for song in each.items())
        if names != ["%s/%d" % (each.album, track) for track in (1, 2, 3)]:
            broken.append(["album", each.album, names])
        if each.get("bought_by") != each.albumartist:
            broken.append(["album", each.album, each.get("bought_by")])
        albums.append([each.album, heard(each)])
    for each in library.items():
        if each.get("mood") != "mood of " + each.title or each.get_album() is None or each.get_album().album != each.album:
            broken.append(["song", each.title, each.get("mood")])
        songs.append([each.title, heard(each)])
    print(json.dumps({"broken": broken, "albums": sorted(albums), "songs": sorted(songs)}))
    library._close()


def heard(each):
    return sorted(each[key] for key in each.keys() if key.startswith("last_"))


globals()[sys.argv[1]](*sys.argv[2:])
