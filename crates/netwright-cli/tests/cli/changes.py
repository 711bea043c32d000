"""Tries to change what may only be read, in every way and by every name: READ WRITE [own], the last in namespaces of its own. Prints how many."""
import ctypes, fcntl, mmap, os, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
read, write = sys.argv[1:3]
mine = write + "/mine"


def make_mine():
    if not os.path.exists(mine):
        with open(mine, "w") as file:
            file.write("mine")


def names(path):
    yield from (path, "/proc/self/root" + path, "/proc/1/root" + path, os.path.relpath(path, write))
    yield "/proc/self/fd/%d/%s" % (os.open(os.path.dirname(path), os.O_PATH), os.path.basename(path))
    yield "/proc/self/fd/%d" % os.open(path, os.O_PATH)
    yield "/proc/self/fd/%d" % os.open(path, os.O_RDONLY)
    link = write + "/link"
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(path, link)
    yield link
    place = write + "/place-" + os.path.basename(path)
    try:
        os.mkdir(place) if os.path.isdir(path) else open(place, "w").close()
    except OSError:
        return
    if libc.mount(path.encode(), place.encode(), None, 4096, None) == 0:  # MS_BIND
        yield place
        libc.mount(None, place.encode(), None, 4096 | 32, None)  # MS_REMOUNT, writable
        yield place


def opened(flags):
    def change(path):
        descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
        os.write(descriptor, b"changed")
        os.close(descriptor)

    return change


def for_reading(change):
    return lambda path: change(os.open(path, os.O_RDONLY))


def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def mapped(descriptor):
    mmap.mmap(descriptor, 4, prot=mmap.PROT_READ | mmap.PROT_WRITE, flags=mmap.MAP_SHARED).write(b"chan")


CHANGES = [
    opened(os.O_WRONLY),
    opened(os.O_RDWR),
    opened(os.O_WRONLY | os.O_APPEND),
    opened(os.O_WRONLY | os.O_TRUNC),
    opened(os.O_WRONLY | os.O_CREAT),
    lambda path: os.close(os.open(path, os.O_RDONLY | os.O_TRUNC)),
    lambda path: os.close(os.open(path, os.O_RDWR | os.O_TMPFILE)),
    lambda path: os.truncate(path, 1),
    lambda path: os.chmod(path, 0o700),
    lambda path: os.chown(path, os.getuid(), os.getgid()),
    lambda path: os.utime(path, (1, 1)),
    lambda path: os.setxattr(path, b"user.netwright", b"1"),
    for_reading(lambda descriptor: os.fchmod(descriptor, 0o700)),
    for_reading(lambda descriptor: os.utime(descriptor, (1, 1))),
    for_reading(lambda descriptor: os.ftruncate(descriptor, 0)),
    for_reading(lambda descriptor: os.setxattr(descriptor, b"user.netwright", b"1")),
    for_reading(lambda descriptor: os.posix_fallocate(descriptor, 0, 99)),
    for_reading(lambda descriptor: os.copy_file_range(os.open(mine, os.O_RDONLY), descriptor, 4)),
    for_reading(mapped),
    for_reading(lambda descriptor: fcntl.ioctl(descriptor, 0x40086602, struct.pack("I", 0x10) + bytes(60))),  # FS_IOC_SETFLAGS
    lambda path: call(437, -100, path.encode(), struct.pack("QQQ", 2, 0, 0), 24),  # openat2
    lambda path: call(452, -100, path.encode(), 0o700, 0),  # fchmodat2
    lambda path: call(316, -100, mine.encode(), -100, path.encode(), 2),  # renameat2, which exchanges
    lambda path: os.link(path, write + "/hard"),
    lambda path: os.link(mine, path + "-hard"),
    lambda path: os.symlink(mine, path + "-link"),
    lambda path: os.mkfifo(path + "-pipe"),
    lambda path: os.mknod(path + "-file"),
    lambda path: os.mkdir(path + "-directory"),
    lambda path: os.mkdir(path + "/directory"),
    lambda path: open(path + "/file", "w").close(),
    lambda path: os.rename(mine, path),
    lambda path: os.rename(path, path + "-other"),
    lambda path: os.rename(path, write + "/taken"),
    os.unlink,
    os.rmdir,
]

if sys.argv[3:]:
    user, group = os.getuid(), os.getgid()
    libc.unshare(0x10000000 | 0x20000)  # CLONE_NEWUSER and CLONE_NEWNS
    for file, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % user), ("gid_map", "0 %d 1" % group)):
        with open("/proc/self/" + file, "w") as map:
            map.write(text)
tries = 0
for path in (read + "/file", read + "/directory/file", read + "/directory"):
    make_mine()
    os.chdir(write)
    try:
        for name in names(path):
            for change in CHANGES:
                tries += 1
                try:
                    change(name)
                except (OSError, ValueError):
                    pass
                make_mine()
    except OSError:
        pass  # what was to be changed has gone
print(tries)
